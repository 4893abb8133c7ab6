/**
 * Values in the files that no server can give, since the file's own inputs lead to another: a sample of another key, or of
 * another encoding than the specification asks for.
 *
 * Each is put right before the case is played, so that the server is still held to one value. `corrections.test.ts` works
 * every one out from the file's inputs with node:crypto.
 */
export interface Correction {
  readonly name: RegExp;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

export const corrections: readonly Correction[] = [
  {
    name: /^CS-BC-M-6-1[23]$/,
    from: 'fd912d102dbb482f6f6e91bd57119095',
    to: 'd9bcce11b0b437b90239552df3a360c9',
    reason: 'the sample is that of CS-BC-M-1, whose key the server makes; this key is registered, and 1.4 has the right value',
  },
  {
    name: /^TC-142-1[12]$/,
    from: '1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5',
    to: '0dc0f8cb416e7b4422d85805d3dd80e49c6c75f763d1be99748de568e4eecdc05b94b1c1946fd3def14cfe184daada0daf07c93e038ceb9f501bdd8a82c7d6b33152dbf9d415924b9f13f6cb75ff880ab09dc862e473f74bdaf9398ec7695d41',
    reason: 'the request names an attribute and no Encoding Option, so the Key Value structure is wrapped as TTLV (KMIP 1.4 §2.1.6); the sample is the bare material of TC-141',
  },
];
