"""The connection, the list of checks and what all checks use: state of an object, refusals, keys to work on.

One PyKMIP client is open at a time (`session.client`); after a failed check it is replaced, since a broken answer may
have left it in the midst of a message. Arguments: host port ca cert key version (such as 1.2).
The connection is TLS 1.2, as TrueNAS pins it.
"""
import json
import logging
import os
import sys
import traceback

from kmip.core import enums
from kmip.core.factories.attributes import AttributeFactory
from kmip.pie import client as pie_client, exceptions

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


def parameters(mode, pad=None, **more):
    made = {'cryptographic_algorithm': enums.CryptographicAlgorithm.AES,
            'block_cipher_mode': enums.BlockCipherMode[mode]}
    if pad is not None:
        made['padding_method'] = enums.PaddingMethod[pad]
    made.update(more)
    return made


def run_all():
    """Runs the checks in order, prints an outcome a line, and says whether all passed."""
    global client
    passed = True
    for title, function in checks:
        try:
            function()
            outcome = {'check': title, 'ok': True, 'detail': ''}
        except BaseException:  # a broken answer may raise anything; each is a failed check, and the next gets a new connection
            passed = False
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
    return passed
