/**
 * `kmipd key create | list | show | activate | revoke | destroy`: keys of the credential's scope, over KMIP.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { AttributeInstance } from '../kmip/attributes.ts';
import { CryptographicAlgorithm, CryptographicUsageMask, NameType, ObjectType, RevocationReasonCode, State, enumerationValueName } from '../kmip/enums.ts';
import type { KmipClient } from '../client/client.ts';
import { withClient, withKmipOptions } from './kmip-session.ts';
import type { KmipOptions } from './kmip-session.ts';
import { describeAttribute } from './attribute-text.ts';
import { printRows } from './output.ts';

const bitLength = (text: string): number => {
  const bits = Number(text);
  if (![128, 192, 256].includes(bits)) throw new InvalidArgumentError('AES keys have 128, 192 or 256 bits.');
  return bits;
};

const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Expected a whole number above 0.');
  return value;
};

interface CreateFlags extends KmipOptions {
  readonly name?: string;
  readonly bits: number;
  readonly group?: string;
  readonly activate?: boolean;
}

async function create(options: CreateFlags): Promise<void> {
  const attributes: AttributeInstance[] = [
    { name: 'CryptographicAlgorithm', value: CryptographicAlgorithm.AES },
    { name: 'CryptographicLength', value: options.bits },
    { name: 'CryptographicUsageMask', value: CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt },
    ...(options.name === undefined ? [] : [{ name: 'Name', value: { nameValue: options.name, nameType: NameType.UninterpretedTextString } }]),
    ...(options.group === undefined ? [] : [{ name: 'ObjectGroup', value: options.group }]),
  ];
  await withClient(options, async (client) => {
    const { uniqueIdentifier } = await client.create({ objectType: ObjectType.SymmetricKey, attributes });
    if (options.activate === true) await client.activate({ uniqueIdentifier });
    console.log(uniqueIdentifier);
  });
}

async function list(options: KmipOptions & { readonly limit: number; readonly name?: string }): Promise<void> {
  await withClient(options, async (client) => {
    const filter = options.name === undefined ? [] : [{ name: 'Name', value: { nameValue: options.name, nameType: NameType.UninterpretedTextString } }];
    const { uniqueIdentifier: identifiers = [], locatedItems } = await client.locate({ maximumItems: options.limit, offsetItems: 0, attributes: filter });
    const shown = ['ObjectType', 'State', 'CryptographicAlgorithm', 'CryptographicLength', 'Name'];
    const rows = await Promise.all(
      identifiers.map(async (uniqueIdentifier) => {
        const { attributes = [] } = await client.getAttributes({ uniqueIdentifier, attributeNames: shown });
        const cell = (name: string): string => attributes.filter((each) => each.name === name).map(describeAttribute).join(', ') || '-';
        return [uniqueIdentifier, ...shown.map(cell)];
      }),
    );
    printRows(['identifier', 'type', 'state', 'algorithm', 'bits', 'name'], rows);
    if (locatedItems !== undefined && locatedItems > identifiers.length) console.log(`${identifiers.length} of ${locatedItems} shown; more with --limit`);
  });
}

async function show(uniqueIdentifier: string, options: KmipOptions): Promise<void> {
  await withClient(options, async (client) => {
    const { attributes = [] } = await client.getAttributes({ uniqueIdentifier });
    printRows(['attribute', 'value'], attributes.map((each) => [each.name, describeAttribute(each)]));
  });
}

async function stateOf(client: KmipClient, uniqueIdentifier: string): Promise<string> {
  const { attributes = [] } = await client.getAttributes({ uniqueIdentifier, attributeNames: ['State'] });
  const state = attributes[0]?.value;
  return typeof state === 'number' ? (enumerationValueName('State', state) ?? String(state)) : 'without a state';
}

const reasons = { compromised: RevocationReasonCode.KeyCompromise, superseded: RevocationReasonCode.Superseded, retired: RevocationReasonCode.CessationOfOperation, unspecified: RevocationReasonCode.Unspecified } as const;

async function revoke(uniqueIdentifier: string, options: KmipOptions & { readonly reason: keyof typeof reasons; readonly message?: string }): Promise<void> {
  await withClient(options, async (client) => {
    const revocationReason = { revocationReasonCode: reasons[options.reason], ...(options.message !== undefined && { revocationMessage: options.message }) };
    const compromised = options.reason === 'compromised' && { compromiseOccurrenceDate: Math.floor(Date.now() / 1000) };
    await client.revoke({ uniqueIdentifier, revocationReason, ...compromised });
    console.log(`${uniqueIdentifier} is ${await stateOf(client, uniqueIdentifier)}`);
  });
}

async function destroy(uniqueIdentifier: string, options: KmipOptions): Promise<void> {
  await withClient(options, async (client) => {
    await client.destroy({ uniqueIdentifier });
    console.log(`${uniqueIdentifier} is ${enumerationValueName('State', State.Destroyed)}: its key is gone for good`);
  });
}

export function keyCommand(): Command {
  const command = new Command('key').description("keys of the credential's scope");
  withKmipOptions(command.command('create').description('make an AES key and print its identifier'))
    .option('--name <NAME>', 'Name attribute')
    .option('--bits <BITS>', 'key length', bitLength, 256)
    .option('--group <GROUP>', 'Object Group attribute')
    .option('--activate', 'make it Active at once')
    .action(create);
  withKmipOptions(command.command('list').description('list keys'))
    .option('--limit <COUNT>', 'at most so many', count, 100)
    .option('--name <NAME>', 'only those with this Name')
    .action(list);
  withKmipOptions(command.command('show').argument('<identifier>').description('show all attributes of a key')).action(show);
  withKmipOptions(command.command('activate').argument('<identifier>').description('make a Pre-Active key Active')).action(async (uniqueIdentifier: string, options: KmipOptions) => {
    await withClient(options, async (client) => {
      await client.activate({ uniqueIdentifier });
      console.log(`${uniqueIdentifier} is ${await stateOf(client, uniqueIdentifier)}`);
    });
  });
  withKmipOptions(command.command('revoke').argument('<identifier>').description('end the use of a key for encryption (compromised: for everything but reading)'))
    .addOption(new Option('--reason <REASON>', 'why').choices(Object.keys(reasons)).default('retired'))
    .option('--message <TEXT>', 'kept with the key')
    .action(revoke);
  withKmipOptions(command.command('destroy').argument('<identifier>').description('delete the key of an object that is not Active, for good')).action(destroy);
  return command;
}
