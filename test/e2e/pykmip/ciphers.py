"""Checks of Encrypt and Decrypt: bytes equal to what `cryptography` computes from the fetched key."""
import os

from cryptography.hazmat.primitives import padding as block_padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from kmip.core import enums, objects as core_objects, primitives
from kmip.core.messages import messages, payloads
from kmip.pie import exceptions

import session
from session import check, create, number, parameters, refused, scrap


def expected(mode, pad, material, iv, plaintext):
    """What `cryptography` computes: the independent oracle."""
    if pad == 'PKCS5':
        padder = block_padding.PKCS7(128).padder()
        plaintext = padder.update(plaintext) + padder.finalize()
    chosen = {'CBC': modes.CBC, 'CFB': modes.CFB, 'OFB': modes.OFB, 'CTR': modes.CTR}.get(mode)
    encryptor = Cipher(algorithms.AES(material), modes.ECB() if chosen is None else chosen(iv)).encryptor()
    return encryptor.update(plaintext) + encryptor.finalize()


@check
def ciphers():
    """encrypt and decrypt equal `cryptography` in every block mode, key size and length"""
    if number < 12:
        uid = create(active=True)
        refused({'OPERATION_NOT_SUPPORTED'}, session.client.encrypt, b'x' * 16, uid, parameters('CBC', 'PKCS5'), bytes(16))
        refused({'OPERATION_NOT_SUPPORTED'}, session.client.decrypt, b'x' * 16, uid, parameters('CBC', 'PKCS5'), bytes(16))
        scrap(uid)
        return
    for bits in (128, 192, 256):
        uid = create(length=bits, active=True)
        material = session.client.get(uid).value
        assert len(material) * 8 == bits
        for mode, pad, lengths in (
                ('ECB', 'PKCS5', (0, 1, 15, 16, 17, 1000)), ('ECB', 'NONE', (16, 48, 4096)),
                ('CBC', 'PKCS5', (0, 1, 15, 16, 17, 1000, 100000)), ('CBC', 'NONE', (16, 48, 4096)),
                ('CFB', 'NONE', (1, 15, 16, 17, 1000)), ('OFB', 'NONE', (1, 15, 16, 17, 1000)),
                ('CTR', 'NONE', (1, 15, 16, 17, 1000))):
            for length in lengths:
                plaintext = os.urandom(length)
                iv = None if mode == 'ECB' else os.urandom(16)
                ciphertext, returned_iv = session.client.encrypt(plaintext, uid, parameters(mode, pad), iv)
                where = '%s %s AES-%d length %d' % (mode, pad, bits, length)
                assert ciphertext == expected(mode, pad, material, iv, plaintext), where
                assert returned_iv is None, where + ': an IV that the client sent came back'
                assert (session.client.decrypt(ciphertext, uid, parameters(mode, pad), iv) or b'') == plaintext, where
        scrap(uid)


@check
def random_iv():
    """random IV: the server makes 16 fresh bytes and returns them"""
    if number < 12:
        return
    uid = create(active=True)
    material = session.client.get(uid).value
    seen = set()
    for _ in range(8):
        ciphertext, iv = session.client.encrypt(b'attack at dawn', uid, parameters('CBC', 'PKCS5', random_iv=True))
        assert len(iv) == 16 and iv not in seen
        seen.add(iv)
        assert ciphertext == expected('CBC', 'PKCS5', material, iv, b'attack at dawn')
        assert session.client.decrypt(ciphertext, uid, parameters('CBC', 'PKCS5', random_iv=True), iv) == b'attack at dawn'
    scrap(uid)


def gcm(operation, payload):
    item = messages.RequestBatchItem(
        operation=primitives.Enumeration(enums.Operation, operation, tag=enums.Tags.OPERATION), request_payload=payload)
    answer = session.client.proxy._send_and_receive_message(session.client.proxy._build_request_message(None, [item])).batch_items[0]
    if answer.result_status.value != enums.ResultStatus.SUCCESS:
        raise exceptions.KmipOperationFailure(answer.result_status.value, answer.result_reason.value, answer.result_message.value)
    return answer.response_payload


@check
def authenticated():
    """GCM with additional data equals `cryptography`, and a changed tag is refused"""
    if number < 14:
        return
    uid = create(active=True)
    material = session.client.get(uid).value
    made = core_objects.CryptographicParameters(
        cryptographic_algorithm=enums.CryptographicAlgorithm.AES, block_cipher_mode=enums.BlockCipherMode.GCM, tag_length=16)
    for length, extra in ((0, b''), (1, b'a'), (16, b'header'), (1000, b'x' * 100)):
        nonce, plaintext = os.urandom(12), os.urandom(length)
        answer = gcm(enums.Operation.ENCRYPT, payloads.EncryptRequestPayload(
            unique_identifier=uid, cryptographic_parameters=made, data=plaintext, iv_counter_nonce=nonce, auth_additional_data=extra))
        encryptor = Cipher(algorithms.AES(material), modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(extra)
        assert (answer.data or b'') == encryptor.update(plaintext) + encryptor.finalize()
        assert answer.auth_tag == encryptor.tag
        back = gcm(enums.Operation.DECRYPT, payloads.DecryptRequestPayload(
            unique_identifier=uid, cryptographic_parameters=made, data=answer.data or b'', iv_counter_nonce=nonce,
            auth_additional_data=extra, auth_tag=answer.auth_tag))
        assert (back.data or b'') == plaintext
        spoiled = bytes([answer.auth_tag[0] ^ 1]) + answer.auth_tag[1:]
        refused({'CRYPTOGRAPHIC_FAILURE', 'INVALID_FIELD', 'BAD_CRYPTOGRAPHIC_PARAMETERS'}, gcm, enums.Operation.DECRYPT,
                payloads.DecryptRequestPayload(unique_identifier=uid, cryptographic_parameters=made, data=answer.data or b'',
                                               iv_counter_nonce=nonce, auth_additional_data=extra, auth_tag=spoiled))
    scrap(uid)
