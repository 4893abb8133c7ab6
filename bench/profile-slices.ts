/**
 * Which part of the server a piece of processor time belongs to, by the name of the function that ran: for V8's own profiles
 * (`--cpu-prof`), which know JavaScript and WebAssembly, and for those of Linux perf, which know OpenSSL, libuv and the kernel as well.
 *
 * Rules are tried in order; what none of them knows is told as such, so that a slice cannot hide.
 */
export interface Frame {
  /** Function, as the profiler writes it. */
  readonly name: string;
  /** Source file of a JavaScript function; of a native one the binary it lies in. */
  readonly place: string;
}

export const unknownSlice = 'other';

type Rule = readonly [slice: string, test: (frame: Frame) => boolean];

const inSource = (...folders: string[]) => ({ place }: Frame): boolean => folders.some((folder) => place.includes(`/src/${folder}`) || place.includes(`/dist/src/${folder}`));

const javascript: readonly Rule[] = [
  ['WASM core: fast path and ciphers', ({ name, place }) => place.startsWith('wasm:') || /^(JS:.?)?(core|~lib)\//.test(name)],
  ['connection and framing', inSource('server/connection', 'codec/frame', 'server/answer')],
  ['metrics and clock', inSource('metrics/', 'clock')],
  ['way into the core: slots, permits, message service', inSource('server/', 'wasm/', 'engine/', 'codec/', 'operations/', 'storage/', 'identity/', 'member/', 'random', 'secret', '')],
  ["Node's streams and sockets, in JavaScript", ({ place }) => place.startsWith('node:')],
];

const profileRules: readonly Rule[] = [
  ['waiting', ({ name }) => name === '(idle)'],
  ['collecting garbage', ({ name }) => name === '(garbage collector)'],
  ['TLS, libuv and system calls: reading, and all outside JavaScript', ({ name }) => name === '(program)' || name === '(root)'],
  ['TLS, libuv and system calls: writing', ({ name, place }) => place === '' && /^(write|shutdown|readStart|readStop)/.test(name)],
  ...javascript,
];

/** OpenSSL's functions have no one prefix: its API in capitals, its own by module, its kernels by algorithm. */
const openSsl = /^(SSL|TLS|EVP|BIO|ERR|CRYPTO|OPENSSL|X509|ASN1|BN|EC|RSA|WPACKET|PACKET|RECORD|MD5|SHA\d|HMAC|RAND|ssl|tls|evp|bio|ossl|aes|gcm|ghash|sha\d|bn_|ecp_|x25519|fe_|chacha|poly1305|do_ssl|default_|statem|state_machine|cipher_|drbg|rand_|err_|get_error|gcm_|buffer_|mem_|OSSL|dtls|ciphercommon|_aesni|_vaes|vaes)/;

const perfRules: readonly Rule[] = [
  ['kernel: sockets, epoll, copying', ({ place }) => place.startsWith('[kernel') || place === '[vdso]'],
  ['memory of the C library (malloc, memcpy) and locks', ({ place }) => place.startsWith('libc.') || place.startsWith('libstdc++')],
  ...javascript,
  ["TLS: Node's glue (TLSWrap, NodeBIO)", ({ name }) => name.startsWith('node::crypto')],
  ['TLS: OpenSSL', ({ name, place }) => place === 'node' && openSsl.test(name)],
  ["libuv and Node's sockets, native", ({ name, place }) => place === 'node' && /^(uv_|uv__|node::|void node::|non-virtual thunk to node::|virtual thunk to node::)/.test(name)],
  ['collecting garbage', ({ name }) => /v8::internal::.*(Scaveng|MarkCompact|Marking|Sweep|Heap::|HeapVisitor|GCTracer|EvacuateNew|ArrayBufferSweeper)/.test(name)],
  ["V8's builtins (called from all JavaScript above)", ({ name, place }) => name.startsWith('Builtins_') || (place === 'node' && /\bv8::/.test(name)) || name.startsWith('JS:') || name.startsWith('Stub:') || place.startsWith('[JIT]') || place.startsWith('perf-')],
];

function sliceBy(rules: readonly Rule[], frame: Frame): string {
  return rules.find(([, test]) => test(frame))?.[0] ?? unknownSlice;
}

/** The slice of a node of a V8 profile: `url` is where the function is. */
export function profileSlice(frame: Frame): string {
  return sliceBy(profileRules, frame);
}

/** The slice of a line of `perf report`. JavaScript's names there carry their file behind a space. */
export function perfSlice({ name, place }: Frame): string {
  const file = /^JS:\S* (?:\S+ )?((?:file|node):\S+)/.exec(name)?.[1];
  return sliceBy(perfRules, { name, place: file ?? place });
}
