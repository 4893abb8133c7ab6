/**
 * A client wants to know which protocol versions it can speak here. It gets those that both sides know, newest first; all of
 * the server's when it names none. It never fails, and is answered whatever version the request's header says.
 *
 * KMIP 1.4 §4.26, KMIP 2.1 §6.1.16. Clients take the first version of the answer (ovh/kmip-go), or want exactly the one
 * they named (ThalesGroup/kmip-go): so an intersection, in the server's order.
 *
 *     request   Protocol Version 1.4, Protocol Version 1.2
 *     response  Protocol Version 1.4, Protocol Version 1.2
 */
import { protocolVersion } from '../kmip/messages.ts';
import { repeated, structure } from '../kmip/schema.ts';
import { supportedVersions, versionMajor, versionMinor } from '../kmip/version.ts';
import { operation } from './operation.ts';

export const discoverVersions = operation({
  name: 'DiscoverVersions',
  code: 30,
  since: 11,
  effect: 'reads',
  request: structure('RequestPayload', { protocolVersion: repeated(protocolVersion) }),
  response: structure('ResponsePayload', { protocolVersion: repeated(protocolVersion) }),
  reasons: [],
  plan(_context, request) {
    const server = supportedVersions.map((version) => ({ protocolVersionMajor: versionMajor(version), protocolVersionMinor: versionMinor(version) }));
    const client = request.protocolVersion ?? [];
    if (client.length === 0) return { response: { protocolVersion: server } };
    const shared = server.filter((ours) =>
      client.some((theirs) => theirs.protocolVersionMajor === ours.protocolVersionMajor && theirs.protocolVersionMinor === ours.protocolVersionMinor),
    );
    return { response: { protocolVersion: shared } };
  },
});
