/**
 * A test program wants to tell the server where a test begins and ends. Nothing changes. It fails for Reset, which would empty the
 * server, and for a client whose role allows neither all operations nor this one: to that client it does not exist.
 *
 * KMIP 2.1 §6.1.26 wants it out of production servers. Begin and End do nothing, so they are answered for programs that run
 * the OASIS cases under any role; Query lists Interop where the role names `interop_tests` only (docs/decisions/0006).
 *
 *     request   Interop Function Begin, Interop Identifier "BL-M-2-21"
 *     response  (empty)
 */
import { InteropFunction } from '../kmip/enums.ts';
import { KmipError } from '../kmip/result.ts';
import { enumeration, optional, required, structure, textString } from '../kmip/schema.ts';
import { operation } from './operation.ts';

/** Permission of a role for test programs: its clients' Query lists Interop. */
export const interopPermission = 'interop_tests';

export const interop = operation({
  name: 'Interop',
  code: 52,
  since: 20,
  effect: 'reads',
  permission: 'operation_interop',
  testPermission: interopPermission,
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
