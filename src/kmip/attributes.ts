/**
 * The attribute table's shape (KMIP 1.4 §3, KMIP 2.1 §4): one rule a row, as data; nothing else knows a rule.
 *
 * Canonical names: the CamelCase tag name for a standard attribute (`CryptographicLength`); for a custom one the
 * 1.x name with its prefix (`x-Product`, `y-Serial`), which 2.x tells as Vendor Attribute { vendor `x`, `Product` };
 * for 2.x vendors other than `x` and `y` it is `vendor:name`.
 */
import type { AttributeName } from './attribute-table.ts';

/** One value of one attribute on its way through a message. */
export interface AttributeInstance {
  readonly name: AttributeName | (string & {});
  /** Attribute Index of 1.x, when the message carries one. */
  readonly index?: number;
  /** In-memory form by the rule's type (`schema.ts`); a custom attribute's value is a TtlvNode. */
  readonly value: unknown;
}

/** One value of one attribute of a stored object; the index stays its own when others are deleted. */
export interface StoredInstance<T = unknown> {
  readonly index: number;
  readonly value: T;
}

export type SetBy = 'client' | 'server' | 'either';

export interface AttributeRule<Type = unknown> {
  /** Attribute Name in 1.x messages: `Cryptographic Length`. */
  readonly title: string;
  readonly type: Type;
  readonly since: number;
  readonly until: number;
  readonly alwaysHasValue: boolean;
  readonly setBy: SetBy;
  /** A client may say it in Create, Register and kin; also true where the server alone sets it but the operation asks for it. */
  readonly givenAtCreation: boolean;
  readonly modifiableByServer: boolean;
  readonly modifiableByClient: boolean;
  readonly deletableByClient: boolean;
  readonly multiple: boolean;
  /** Object Type values the attribute applies to, or all. */
  readonly objectTypes: 'all' | readonly number[];
}
