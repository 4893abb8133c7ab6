/**
 * What a request as a whole has to keep before any of its items is looked at (KMIP 1.4 §6 and §11.1, KMIP 2.1 §8 and §9).
 *
 * Tolerated on purpose: a Time Stamp of any age, credentials that no role asks for, attestation that no operation needs,
 * a client that could take asynchronous answers, Batch Error Continuation Option with one item.
 */
import type { RequestMessage } from '../codec/message.ts';
import { AsynchronousIndicator } from '../kmip/enums.ts';
import { KmipError } from '../kmip/result.ts';
import { firstAttributesVersion, newestVersion, oldestVersion, supportedVersions, versionMajor, versionText } from '../kmip/version.ts';
import type { ProtocolVersion } from '../kmip/version.ts';
import { discoverVersions } from '../operations/discover-versions.ts';
import type { EngineLimits } from './limits.ts';

/** The version to answer in: the request's, else the newest of its major version, else the nearest. */
export function answerVersion(version: ProtocolVersion | undefined): ProtocolVersion {
  if (version === undefined || Number.isNaN(version)) return oldestVersion;
  if (supportedVersions.includes(version)) return version;
  const sameMajor = supportedVersions.find((each) => versionMajor(each) === versionMajor(version));
  return sameMajor ?? (version > newestVersion ? newestVersion : oldestVersion);
}

/** Error of a request in a version that the server does not speak; Discover Versions is answered all the same. */
export function unsupportedVersion(version: ProtocolVersion): KmipError {
  const said = Number.isNaN(version) ? 'the Protocol Version of the request' : `KMIP ${versionText(version)}`;
  return new KmipError('UnsupportedProtocolVersion', `${said} is not supported; ${supportedVersions.map(versionText).join(', ')} are`);
}

/** Throws what is wrong with the request as a whole. */
export function checkRequest(message: RequestMessage, limits: EngineLimits): void {
  const { header, items, version } = message;
  if (!supportedVersions.includes(version) && !items.every((item) => item.operation === discoverVersions.code)) throw unsupportedVersion(version);
  if (items.length === 0) throw new KmipError('InvalidMessage', 'the request has no batch item');
  if (items.length > limits.batchItemsMax) {
    throw new KmipError('ServerLimitExceeded', `the request has ${items.length} batch items; at most ${limits.batchItemsMax} are taken`, 'InvalidMessage');
  }
  if (items.length > 1) checkItemIds(message);
  if (header.asynchronousIndicator === AsynchronousIndicator.Mandatory) {
    throw new KmipError('FeatureNotSupported', 'Asynchronous Indicator is Mandatory, and every operation is answered at once here');
  }
  if (header.maximumResponseSize !== undefined && header.maximumResponseSize <= 0) {
    throw new KmipError('InvalidField', `Maximum Response Size is ${header.maximumResponseSize} bytes`);
  }
  const critical = items.flatMap((item) => item.messageExtension ?? []).find((extension) => extension.criticalityIndicator);
  if (critical !== undefined) throw new KmipError('UnknownMessageExtension', `the critical Message Extension of vendor ${critical.vendorIdentification.slice(0, 64)} is not known`);
}

/**
 * Several items need ids that tell them apart (KMIP 1.4 §7.2). 2.x asks for them too, yet its order of answers
 * is fixed (Batch Order Option is true unless said otherwise), so their lack is tolerated there.
 */
function checkItemIds({ items, version }: RequestMessage): void {
  const seen = new Set<string>();
  items.forEach((item, index) => {
    if (item.uniqueBatchItemID === undefined) {
      if (version < firstAttributesVersion) throw new KmipError('InvalidMessage', `batch item ${index + 1} of ${items.length} has no Unique Batch Item ID`);
      return;
    }
    const id = Buffer.from(item.uniqueBatchItemID).toString('latin1');
    if (seen.has(id)) throw new KmipError('InvalidMessage', `the Unique Batch Item ID of batch item ${index + 1} came before`);
    seen.add(id);
  });
}
