/**
 * The item types of TTLV (KMIP 1.4 §9.1.1.2, KMIP 2.1 §9.1.1.2) and the length of those whose length is fixed.
 */
export const ItemType = {
  Structure: 0x01,
  Integer: 0x02,
  LongInteger: 0x03,
  BigInteger: 0x04,
  Enumeration: 0x05,
  Boolean: 0x06,
  TextString: 0x07,
  ByteString: 0x08,
  DateTime: 0x09,
  Interval: 0x0a,
  /** Microseconds since the epoch; KMIP 2.0 and later. */
  DateTimeExtended: 0x0b,
} as const;

export type ItemTypeName = keyof typeof ItemType;

const names = Object.keys(ItemType) as ItemTypeName[];

export function itemTypeName(type: number): ItemTypeName | undefined {
  return names[type - 1];
}

/** Length in bytes that the type's value must have, or undefined where it varies. */
export function fixedLength(type: number): number | undefined {
  switch (type) {
    case ItemType.Integer:
    case ItemType.Enumeration:
    case ItemType.Interval:
      return 4;
    case ItemType.LongInteger:
    case ItemType.Boolean:
    case ItemType.DateTime:
    case ItemType.DateTimeExtended:
      return 8;
    default:
      return undefined;
  }
}
