/**
 * Protocol versions, written as one number: 10 for KMIP 1.0 … 21 for KMIP 2.1 (KMIP 1.4 §6.1, KMIP 2.1 §8).
 *
 * The version belongs to a message, never to a connection or an object: clients mix versions freely.
 */
export type ProtocolVersion = number;

/** Every version this server speaks, newest first, as Discover Versions lists them. */
export const supportedVersions: readonly ProtocolVersion[] = [21, 20, 14, 13, 12, 11, 10];

export const oldestVersion: ProtocolVersion = 10;
export const newestVersion: ProtocolVersion = 21;

/** First version whose messages carry Attributes structures in place of Attribute and Template-Attribute. */
export const firstAttributesVersion: ProtocolVersion = 20;

/** One number for a major and a minor number; NaN where either lies outside 0 … 9. */
export function versionNumber(major: number, minor: number): ProtocolVersion {
  return major >= 0 && major <= 9 && minor >= 0 && minor <= 9 ? major * 10 + minor : Number.NaN;
}

export function versionMajor(version: ProtocolVersion): number {
  return Math.trunc(version / 10);
}

export function versionMinor(version: ProtocolVersion): number {
  return version % 10;
}

export function isSupportedVersion(version: ProtocolVersion): boolean {
  return supportedVersions.includes(version);
}

export function versionText(version: ProtocolVersion): string {
  return `${versionMajor(version)}.${versionMinor(version)}`;
}
