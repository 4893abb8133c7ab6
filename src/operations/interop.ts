/**
 * A test program wants to tell the server where a test begins and ends. Nothing changes. It fails for Reset, which would empty the
 * server, and for every client whose role does not hold the permission by name.
 *
 * KMIP 2.1 §6.1.26: the operation SHALL NOT be available in a production server. So `operation_all` does not bring it, a
 * client without the permission gets Operation Not Supported, and its Query does not list it.
 *
 *     request   Interop Function Begin, Interop Identifier "BL-M-2-21"
 *     response  (empty)
 */
import { InteropFunction } from '../kmip/enums.ts';
import { KmipError } from '../kmip/result.ts';
import { enumeration, optional, required, structure, textString } from '../kmip/schema.ts';
import { operation } from './operation.ts';

/** Permission of a role whose clients run the OASIS cases. */
export const interopPermission = 'interop_tests';

export const interop = operation({
  name: 'Interop',
  code: 52,
  since: 20,
  effect: 'reads',
  permission: interopPermission,
  testOnly: true,
  request: structure('RequestPayload', {
    interopFunction: required(enumeration('InteropFunction')),
    interopIdentifier: optional(textString, { doc: 'Of the test.' }),
  }),
  response: structure('ResponsePayload', {}),
  reasons: ['FeatureNotSupported'],
  plan(_context, request) {
    if (request.interopFunction === InteropFunction.Reset) throw new KmipError('FeatureNotSupported', 'Interop Function Reset is not supported: a test gets a scope of its own');
    return { response: {} };
  },
});
