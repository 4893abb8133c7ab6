// The export list of the core, nothing else. A host sees these names and `memory`; the kernels stay in the module as
// functions of their own, where test/core/lint.test.ts reads them.

import { grantNonces, randomPool } from "./cipher-request.ts";
import { reserve, wipe } from "./memory.ts";
import { prepareKey, requireForms, wipeKey } from "./aes/key-area.ts";
import { answerMessage, dataLimits, forgetMessage, reportBlock, requestRegion, reserveFastPath, responseRegion, resumeMessage } from "./fast-path.ts";
import { dropSlot, dropSlots, findSlot, loadSlot, reserveSlots, slotStage } from "./slots.ts";
import { decryptOnce, encryptOnce } from "./once.ts";
import { addAad, begin, finish, update } from "./stream.ts";
import { readRows } from "./ttlv/reader.ts";

export { reserve, wipe, prepareKey, requireForms, wipeKey, addAad, begin, decryptOnce, encryptOnce, finish, update };
export { readRows, reserveSlots, slotStage, loadSlot, findSlot, dropSlot, dropSlots };
export { reserveFastPath, requestRegion, responseRegion, reportBlock, dataLimits, randomPool, grantNonces, answerMessage, resumeMessage, forgetMessage };
