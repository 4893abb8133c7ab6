"""Drives the real PyKMIP client (Debian python3-pykmip 0.10) through the life of keys at one protocol version.

Role: the foreign half of pykmip.test.ts. Prints one JSON object a line, {"check", "ok", "detail"}: the test
makes a named subtest of each. Every check looks at the EFFECT of an operation (the State attribute, bytes equal
to what `cryptography` computes from the fetched key, ItemNotFound after Destroy), never at a bare success.
Arguments: host port ca cert key version (such as 1.2). The connection is TLS 1.2, as TrueNAS pins it.
"""
import json
import logging
import os
import sys
import time
import traceback

from cryptography.hazmat.primitives import padding as block_padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from kmip.core import enums, objects as core_objects, primitives
from kmip.core.factories.attributes import AttributeFactory
from kmip.core.messages import messages, payloads
from kmip.pie import client as pie_client, exceptions, objects

host, port, ca, cert, key, version_text = sys.argv[1:7]
version = getattr(enums.KMIPVersion, 'KMIP_' + version_text.replace('.', '_'))
number = int(version_text.replace('.', ''))
logging.disable(logging.CRITICAL)
attributes = AttributeFactory()
values = attributes.value_factory
run = os.urandom(4).hex()

ENCRYPT_DECRYPT = [enums.CryptographicUsageMask.ENCRYPT, enums.CryptographicUsageMask.DECRYPT]


def connect(**extra):
    client = pie_client.ProxyKmipClient(
        hostname=host, port=int(port), cert=cert, key=key, ca=ca,
        ssl_version='PROTOCOL_TLSv1_2', kmip_version=version, **extra)
    client.open()
    return client


client = connect()
checks = []


def check(function):
    """Registers a check under its docstring."""
    checks.append((function.__doc__, function))
    return function


def attribute(uid, name):
    """Value of the one attribute asked for; exactly that one must come back."""
    returned_uid, found = client.get_attributes(uid, [name])
    assert returned_uid == uid, 'get_attributes answered for %s' % returned_uid
    names = [each.attribute_name.value for each in found]
    assert names == [name], 'asked for %s, got %s' % (name, names)
    value = found[0].attribute_value
    return value.value if hasattr(value, 'value') else value


def state(uid):
    return attribute(uid, 'State')


def refused(reasons, call, *arguments, **keywords):
    """The call must fail with one of the reasons, and with a message that says something."""
    try:
        result = call(*arguments, **keywords)
    except (exceptions.KmipOperationFailure, pie_client.exceptions.KmipOperationFailure) as failure:
        assert failure.reason.name in reasons, 'reason %s, allowed %s' % (failure.reason.name, reasons)
        assert failure.message, 'no result message'
        return failure
    raise AssertionError('must be refused, answered %r' % (result,))


NOT_FOUND = {'ITEM_NOT_FOUND', 'OBJECT_NOT_FOUND', 'OBJECT_DESTROYED'}
WRONG_STATE = {'PERMISSION_DENIED', 'WRONG_KEY_LIFECYCLE_STATE', 'ILLEGAL_OPERATION'}


def create(name=None, length=256, active=False, masks=None):
    uid = client.create(enums.CryptographicAlgorithm.AES, length, name=name,
                        cryptographic_usage_mask=masks or ENCRYPT_DECRYPT)
    assert isinstance(uid, str) and uid
    if active:
        client.activate(uid)
    return uid


def scrap(uid):
    client.revoke(enums.RevocationReasonCode.CESSATION_OF_OPERATION, uid)
    client.destroy(uid)


@check
def discover_versions():
    """discover versions names this version, newest first"""
    result = client.proxy.discover_versions()
    assert result.result_status.value == enums.ResultStatus.SUCCESS, result.result_reason
    found = [(each.major, each.minor) for each in result.protocol_versions]
    assert (number // 10, number % 10) in found, found
    assert found == sorted(found, reverse=True), found
    narrowed = client.proxy.discover_versions(protocol_versions=[core_version(1, 4)])
    assert [(each.major, each.minor) for each in narrowed.protocol_versions] == [(1, 4)]


def core_version(major, minor):
    from kmip.core.messages.contents import ProtocolVersion
    return ProtocolVersion(major, minor)


@check
def query():
    """query names the operations, objects and the server itself"""
    functions = [enums.QueryFunction.QUERY_OPERATIONS, enums.QueryFunction.QUERY_OBJECTS,
                 enums.QueryFunction.QUERY_SERVER_INFORMATION]
    result = client.proxy.query(query_functions=functions)
    assert result.result_status.value == enums.ResultStatus.SUCCESS
    for wanted in ('CREATE', 'REGISTER', 'LOCATE', 'GET', 'ACTIVATE', 'REVOKE', 'DESTROY'):
        assert enums.Operation[wanted] in result.operations, (wanted, result.operations)
    assert (enums.Operation.ENCRYPT in result.operations) == (number >= 12), 'Encrypt is of 1.2 and later'
    for wanted in ('SYMMETRIC_KEY', 'SECRET_DATA', 'OPAQUE_DATA'):
        assert enums.ObjectType[wanted] in result.object_types, result.object_types
    assert result.vendor_identification


@check
def create_and_attributes():
    """create makes a Pre-Active key with the attributes that were asked for"""
    before = int(time.time())
    name = 'pykmip-%s-create' % run
    uid = create(name)
    assert attribute(uid, 'Cryptographic Algorithm') == enums.CryptographicAlgorithm.AES
    assert attribute(uid, 'Cryptographic Length') == 256
    assert attribute(uid, 'Cryptographic Usage Mask') == 12
    assert attribute(uid, 'Object Type') == enums.ObjectType.SYMMETRIC_KEY
    assert attribute(uid, 'Unique Identifier') == uid
    assert attribute(uid, 'Name').name_value.value == name if hasattr(attribute(uid, 'Name'), 'name_value') else attribute(uid, 'Name') == name
    assert state(uid) == enums.State.PRE_ACTIVE
    assert before - 2 <= attribute(uid, 'Initial Date') <= time.time() + 2
    client.destroy(uid)


@check
def attribute_list():
    """get_attribute_list names what is there, and get_attributes of everything can be read"""
    uid = create('pykmip-%s-list' % run)
    names = client.get_attribute_list(uid)
    for wanted in ('Unique Identifier', 'Name', 'Object Type', 'Cryptographic Algorithm', 'Cryptographic Length',
                   'Cryptographic Usage Mask', 'State', 'Initial Date'):
        assert wanted in names, (wanted, names)
    assert len(names) == len(set(names)), names
    readable = [name for name in names if can_read(name)]
    # What PyKMIP cannot read it cannot ask for either; these the specification has a server set on a created key.
    assert set(names) - set(readable) <= {'Original Creation Date', 'Random Number Generator', 'Digest', 'Short Unique Identifier',
                                          'Always Sensitive', 'Extractable', 'Never Extractable', 'Protection Storage Mask', 'Key Format Type'}, set(names) - set(readable)
    _, found = client.get_attributes(uid, readable)
    assert sorted({each.attribute_name.value for each in found}) == sorted(readable), names
    if len(readable) == len(names):
        _, found = client.get_attributes(uid)
        assert sorted({each.attribute_name.value for each in found}) == sorted(names)
    client.destroy(uid)


def can_read(name):
    """Whether PyKMIP has a reader for the attribute. Its Digest wants a Key Format Type, which 1.0 does not have."""
    if name == 'Digest' and number == 10:
        return False
    try:
        if number >= 20:
            values.create_attribute_value_by_enum(enums.convert_attribute_name_to_tag(name), None)
        else:
            values.create_attribute_value(enums.AttributeType(name), None)
        return True
    except (NotImplementedError, ValueError):
        return False


@check
def absent_attribute():
    """get_attributes of an attribute that is absent succeeds with the identifier alone"""
    uid = create()
    returned_uid, found = client.get_attributes(uid, ['Contact Information'])
    assert returned_uid == uid and found == [], found
    client.destroy(uid)


@check
def locate():
    """locate finds by name, type, algorithm, state and date, and nothing else"""
    name = 'pykmip-%s-locate' % run
    wanted, other = create(name), create(name + '2', length=128)
    make = attributes.create_attribute
    kind = enums.AttributeType
    by_name = make(kind.NAME, name)
    assert client.locate(attributes=[by_name]) == [wanted]
    assert client.locate(attributes=[make(kind.NAME, name + 'x')]) == []
    assert client.locate(attributes=[by_name, make(kind.OBJECT_TYPE, enums.ObjectType.SECRET_DATA)]) == []
    both = client.locate(attributes=[make(kind.CRYPTOGRAPHIC_ALGORITHM, enums.CryptographicAlgorithm.AES)])
    assert {wanted, other} <= set(both), both
    shorter = client.locate(attributes=[make(kind.CRYPTOGRAPHIC_LENGTH, 128)])
    assert other in shorter and wanted not in shorter, shorter
    assert wanted not in client.locate(attributes=[make(kind.STATE, enums.State.ACTIVE)])
    now = int(time.time())
    recent = client.locate(attributes=[make(kind.INITIAL_DATE, now - 60), make(kind.INITIAL_DATE, now + 60)])
    assert {wanted, other} <= set(recent), recent
    past = client.locate(attributes=[make(kind.INITIAL_DATE, 1), make(kind.INITIAL_DATE, now - 3600)])
    assert wanted not in past and other not in past, past
    assert len(client.locate(maximum_items=1, attributes=[make(kind.CRYPTOGRAPHIC_ALGORITHM, enums.CryptographicAlgorithm.AES)])) == 1
    client.destroy(wanted)
    assert client.locate(attributes=[by_name]) == []
    client.destroy(other)


@check
def activation():
    """a Pre-Active key is got but does not encrypt; activate makes it Active with an Activation Date"""
    uid = create()
    got = client.get(uid)
    assert isinstance(got, objects.SymmetricKey) and len(got.value) == 32
    if number >= 12:
        refused(WRONG_STATE, client.encrypt, b'x' * 16, uid, parameters('CBC', 'PKCS5'), bytes(16))
    client.activate(uid)
    assert state(uid) == enums.State.ACTIVE
    assert abs(attribute(uid, 'Activation Date') - time.time()) < 5
    refused(WRONG_STATE, client.activate, uid)
    assert client.get(uid).value == got.value
    refused(WRONG_STATE, client.destroy, uid)
    assert state(uid) == enums.State.ACTIVE
    scrap(uid)


def parameters(mode, pad=None, **more):
    made = {'cryptographic_algorithm': enums.CryptographicAlgorithm.AES,
            'block_cipher_mode': enums.BlockCipherMode[mode]}
    if pad is not None:
        made['padding_method'] = enums.PaddingMethod[pad]
    made.update(more)
    return made


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
        refused({'OPERATION_NOT_SUPPORTED'}, client.encrypt, b'x' * 16, uid, parameters('CBC', 'PKCS5'), bytes(16))
        refused({'OPERATION_NOT_SUPPORTED'}, client.decrypt, b'x' * 16, uid, parameters('CBC', 'PKCS5'), bytes(16))
        scrap(uid)
        return
    for bits in (128, 192, 256):
        uid = create(length=bits, active=True)
        material = client.get(uid).value
        assert len(material) * 8 == bits
        for mode, pad, lengths in (
                ('ECB', 'PKCS5', (0, 1, 15, 16, 17, 1000)), ('ECB', 'NONE', (16, 48, 4096)),
                ('CBC', 'PKCS5', (0, 1, 15, 16, 17, 1000, 100000)), ('CBC', 'NONE', (16, 48, 4096)),
                ('CFB', 'NONE', (1, 15, 16, 17, 1000)), ('OFB', 'NONE', (1, 15, 16, 17, 1000)),
                ('CTR', 'NONE', (1, 15, 16, 17, 1000))):
            for length in lengths:
                plaintext = os.urandom(length)
                iv = None if mode == 'ECB' else os.urandom(16)
                ciphertext, returned_iv = client.encrypt(plaintext, uid, parameters(mode, pad), iv)
                where = '%s %s AES-%d length %d' % (mode, pad, bits, length)
                assert ciphertext == expected(mode, pad, material, iv, plaintext), where
                assert returned_iv is None, where + ': an IV that the client sent came back'
                assert (client.decrypt(ciphertext, uid, parameters(mode, pad), iv) or b'') == plaintext, where
        scrap(uid)


@check
def random_iv():
    """random IV: the server makes 16 fresh bytes and returns them"""
    if number < 12:
        return
    uid = create(active=True)
    material = client.get(uid).value
    seen = set()
    for _ in range(8):
        ciphertext, iv = client.encrypt(b'attack at dawn', uid, parameters('CBC', 'PKCS5', random_iv=True))
        assert len(iv) == 16 and iv not in seen
        seen.add(iv)
        assert ciphertext == expected('CBC', 'PKCS5', material, iv, b'attack at dawn')
        assert client.decrypt(ciphertext, uid, parameters('CBC', 'PKCS5', random_iv=True), iv) == b'attack at dawn'
    scrap(uid)


def gcm(operation, payload):
    item = messages.RequestBatchItem(
        operation=primitives.Enumeration(enums.Operation, operation, tag=enums.Tags.OPERATION), request_payload=payload)
    answer = client.proxy._send_and_receive_message(client.proxy._build_request_message(None, [item])).batch_items[0]
    if answer.result_status.value != enums.ResultStatus.SUCCESS:
        raise exceptions.KmipOperationFailure(answer.result_status.value, answer.result_reason.value, answer.result_message.value)
    return answer.response_payload


@check
def authenticated():
    """GCM with additional data equals `cryptography`, and a changed tag is refused"""
    if number < 14:
        return
    uid = create(active=True)
    material = client.get(uid).value
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


@check
def revocation():
    """revoke deactivates, or compromises for a key compromise, and ends encryption"""
    for reason, after in ((enums.RevocationReasonCode.CESSATION_OF_OPERATION, enums.State.DEACTIVATED),
                          (enums.RevocationReasonCode.KEY_COMPROMISE, enums.State.COMPROMISED)):
        uid = create(active=True)
        when = int(time.time()) - 100 if after == enums.State.COMPROMISED else None
        client.revoke(reason, uid, 'end of the test', when)
        assert state(uid) == after
        if when is not None:
            assert attribute(uid, 'Compromise Occurrence Date') == when
        else:
            assert abs(attribute(uid, 'Deactivation Date') - time.time()) < 5
        if number >= 12:
            refused(WRONG_STATE, client.encrypt, b'x' * 16, uid, parameters('CBC', 'PKCS5'), bytes(16))
        refused(WRONG_STATE, client.activate, uid)
        client.destroy(uid)
        refused(NOT_FOUND, client.get, uid)


@check
def destruction():
    """destroy ends the key for get, locate and encrypt"""
    name = 'pykmip-%s-destroy' % run
    uid = create(name, active=True)
    scrap(uid)
    refused(NOT_FOUND, client.get, uid)
    refused(NOT_FOUND | WRONG_STATE, client.activate, uid)
    if number >= 12:
        refused(NOT_FOUND | WRONG_STATE, client.encrypt, b'x' * 16, uid, parameters('CBC', 'PKCS5'), bytes(16))
    assert client.locate(attributes=[attributes.create_attribute(enums.AttributeType.NAME, name)]) == []
    refused(NOT_FOUND, client.get, 'no-such-object')
    refused(NOT_FOUND, client.get_attributes, 'no-such-object', ['State'])
    refused(NOT_FOUND, client.destroy, 'no-such-object')


@check
def registration():
    """register keeps keys, secrets and opaque objects byte for byte"""
    material = os.urandom(24)
    name = 'pykmip-%s-registered' % run
    uid = client.register(objects.SymmetricKey(enums.CryptographicAlgorithm.AES, 192, material, masks=ENCRYPT_DECRYPT, name=name))
    got = client.get(uid)
    assert isinstance(got, objects.SymmetricKey) and got.value == material
    assert got.cryptographic_algorithm == enums.CryptographicAlgorithm.AES and got.cryptographic_length == 192
    assert client.locate(attributes=[attributes.create_attribute(enums.AttributeType.NAME, name)]) == [uid]
    client.destroy(uid)
    password = 'pa\u00dfword'.encode()
    uid = client.register(objects.SecretData(password, enums.SecretDataType.PASSWORD, masks=[enums.CryptographicUsageMask.VERIFY]))
    got = client.get(uid)
    assert isinstance(got, objects.SecretData) and got.value == password and got.data_type == enums.SecretDataType.PASSWORD
    client.destroy(uid)
    uid = client.register(objects.SecretData(password, enums.SecretDataType.PASSWORD))
    assert attribute(uid, 'Cryptographic Usage Mask') == 0, 'TrueNAS registers with mask 0'
    client.activate(uid)
    assert client.get(uid).value == password
    scrap(uid)
    opaque = os.urandom(300)
    uid = client.register(objects.OpaqueObject(opaque, enums.OpaqueDataType.NONE, name=name))
    got = client.get(uid)
    assert isinstance(got, objects.OpaqueObject) and got.value == opaque
    client.destroy(uid)
    refused(NOT_FOUND, client.get, uid)


@check
def attribute_changes():
    """modify, set and delete attribute change just that attribute"""
    name = 'pykmip-%s-rename' % run
    uid = create(name)
    if number < 20:
        renamed = attributes.create_attribute(enums.AttributeType.NAME, name + '-new', index=0)
        returned_uid, returned = client.modify_attribute(uid, attribute=renamed)
        assert returned_uid == uid and returned.attribute_value.name_value.value == name + '-new'
        assert client.locate(attributes=[renamed]) == [uid]
        assert client.locate(attributes=[attributes.create_attribute(enums.AttributeType.NAME, name)]) == []
        client.delete_attribute(uid, attribute_name='Name', attribute_index=0)
    else:
        assert client.set_attribute(uid, attribute_name='Sensitive', attribute_value=True) == uid
        current = core_objects.CurrentAttribute(attribute=values.create_attribute_value_by_enum(enums.Tags.NAME, name))
        client.delete_attribute(uid, current_attribute=current)
    assert client.locate(attributes=[attributes.create_attribute(enums.AttributeType.NAME, name)]) == []
    client.destroy(uid)


@check
def credentials():
    """an empty or unneeded user name and password does no harm"""
    for username, password in (('fred', 'secret'), ('', '')):
        other = connect(username=username, password=password)
        uid = other.create(enums.CryptographicAlgorithm.AES, 128)
        other.destroy(uid)
        other.close()


failed = False
for title, function in checks:
    try:
        function()
        outcome = {'check': title, 'ok': True, 'detail': ''}
    except BaseException:  # a broken answer may raise anything; each is a failed check, and the next gets a new connection
        failed = True
        outcome = {'check': title, 'ok': False, 'detail': traceback.format_exc(limit=-4)}
        try:
            client.close()
        except Exception:
            pass
        try:
            client = connect()
        except Exception:
            outcome['detail'] += '\n(and the server could not be reached again)'
    print(json.dumps(outcome), flush=True)
sys.exit(1 if failed else 0)
