// The export list of the core, nothing else. A host sees these names and `memory`; the kernels stay in the module as
// functions of their own, where test/core/lint.test.ts reads them.

import { reserve, wipe } from "./memory.ts";
import { prepareKey, requireForms, wipeKey } from "./aes/key-area.ts";
import { addAad, begin, decryptOnce, encryptOnce, finish, update } from "./stream.ts";

export { reserve, wipe, prepareKey, requireForms, wipeKey, addAad, begin, decryptOnce, encryptOnce, finish, update };
