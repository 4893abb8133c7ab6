// Reads WebAssembly text (folded, as Binaryen prints it) and follows what in a function depends on data in memory. Role: the
// eye of lint.test.ts. A value is tainted if it comes from a load, from a call's answer, or from a tainted value: in a
// kernel whatever lies in memory is taken for secret. Parameters (pointers and counts) and constants are not.
//
// Straight code and loops only, so one pass in order suffices for a block, and a loop is repeated until no
// more locals become tainted. Anything that would need more (branches) is itself a finding.

export type Expression = readonly [string, ...(Expression | string)[]];

/** The module's functions by name. */
export function readFunctions(wat: string): Map<string, Expression> {
  const functions = new Map<string, Expression>();
  for (const node of parse(wat).slice(1)) {
    if (typeof node !== 'string' && node[0] === 'func') functions.set(node[1] as string, node);
  }
  return functions;
}

function parse(text: string): Expression {
  const tokens = text.matchAll(/;;[^\n]*|\(|\)|"(?:\\.|[^"\\])*"|[^\s()"]+/g);
  const stack: (Expression | string)[][] = [[]];
  for (const [token] of tokens) {
    if (token.startsWith(';;')) continue;
    if (token === '(') stack.push([]);
    else if (token === ')') {
      const closed = stack.pop()!;
      stack.at(-1)!.push(closed as unknown as Expression);
    } else stack.at(-1)!.push(token);
  }
  return stack[0]![0] as Expression;
}

const banned = /^(if|select|br|br_table|br_on.*|return|return_call.*|call_indirect|call_ref|unreachable|memory\.(grow|copy|fill|init)|.*\.(div|rem)(_[su])?)$/;
const loads = /\.load/;
const stores = /\.store/;

export interface LintRules {
  /** Functions that a kernel may call. */
  mayCall(name: string): boolean;
  /** Loads whose value is public, by instruction and offset attribute. */
  isPublicLoad(instruction: string, attributes: readonly string[]): boolean;
}

/** What a kernel does that it must not: each once, in words. */
export function findings(kernel: Expression, rules: LintRules): string[] {
  const found = new Set<string>();
  const labels: { name: string; isLoop: boolean; states: Set<string>[] }[] = [];

  const evaluate = (node: Expression, tainted: Set<string>): boolean => {
    const [instruction, ...rest] = node;
    const attributes = rest.filter((part): part is string => typeof part === 'string');
    const operands = rest.filter((part): part is Expression => typeof part !== 'string');
    if (banned.test(instruction)) found.add(`${instruction} is banned`);
    if (instruction === 'local.get') return tainted.has(attributes[0]!);
    if (instruction === 'local.set' || instruction === 'local.tee') {
      const secret = evaluate(operands[0]!, tainted);
      if (secret) tainted.add(attributes[0]!);
      else tainted.delete(attributes[0]!);
      return secret;
    }
    if (instruction === 'loop') return runLoop(attributes[0] ?? '', operands, tainted);
    if (instruction === 'block') {
      labels.push({ name: attributes[0] ?? '', isLoop: false, states: [] });
      const secret = runSequence(operands, tainted);
      labels.pop();
      return secret;
    }
    if (instruction === 'br_if') {
      if (operands.map((operand) => evaluate(operand, tainted)).some(Boolean)) found.add('br_if depends on data');
      const label = labels.findLast(({ name }) => name === attributes[0]);
      if (label === undefined || !label.isLoop) found.add('br_if leaves a block: only the back-edge of a loop is allowed');
      else label.states.push(new Set(tainted));
      return false;
    }
    const secrets = operands.filter((operand) => operand[0] !== 'result' && operand[0] !== 'type').map((operand) => evaluate(operand, tainted));
    if (loads.test(instruction)) {
      if (secrets[0] === true) found.add(`${instruction} from an address that depends on data`);
      return !rules.isPublicLoad(instruction, attributes);
    }
    if (stores.test(instruction)) {
      if (secrets[0] === true) found.add(`${instruction} to an address that depends on data`);
      return false;
    }
    if (instruction === 'call') {
      if (!rules.mayCall(attributes[0]!)) found.add(`calls ${attributes[0]}, which is no kernel`);
      return true;
    }
    return secrets.some(Boolean);
  };

  const runSequence = (nodes: readonly Expression[], tainted: Set<string>): boolean => {
    let last = false;
    for (const node of nodes) if (node[0] !== 'result') last = evaluate(node, tainted);
    return last;
  };

  const runLoop = (name: string, nodes: readonly Expression[], tainted: Set<string>): boolean => {
    for (;;) {
      const label = { name, isLoop: true, states: [] as Set<string>[] };
      labels.push(label);
      const start = tainted.size;
      const inside = new Set(tainted);
      const last = runSequence(nodes, inside);
      labels.pop();
      for (const state of label.states) for (const local of state) tainted.add(local);
      if (tainted.size === start) {
        tainted.clear();
        for (const local of inside) tainted.add(local);
        return last;
      }
    }
  };

  const headerParts = new Set(['param', 'result', 'local', 'type', 'export']);
  const body = kernel.slice(2).filter((part): part is Expression => typeof part !== 'string' && !headerParts.has(part[0]));
  runSequence(body, new Set());
  return [...found];
}
