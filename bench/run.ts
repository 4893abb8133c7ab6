/**
 * `npm run bench [-- --smoke] [core] [server] [store] [peers] [growth] [profile]`: runs the benches, prints their tables, keeps the JSON
 * of full runs. A smoke run fails where a ratio falls far below its floor; a full run only says so.
 */
import { coreBench } from './core.bench.ts';
import { growthBench } from './growth.bench.ts';
import { peersBench } from './peers.bench.ts';
import { profileBench } from './profile.bench.ts';
import { serverBench } from './server.bench.ts';
import { storeBench } from './store.bench.ts';
import { fallsFar } from './floors.ts';
import { keepReport, printFloors, printReport } from './report.ts';

const smoke = process.argv.includes('--smoke');
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const benches = { core: coreBench, server: serverBench, store: storeBench, peers: peersBench, growth: growthBench, profile: profileBench };

const unknown = process.argv.slice(2).filter((argument) => argument !== '--smoke' && !Object.hasOwn(benches, argument));
if (unknown.length > 0) {
  process.stderr.write(`There is no bench ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}, and --smoke.\n`);
  process.exit(2);
}

for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const report = await bench(smoke);
  printReport(report);
  if (!smoke) console.log(`  kept in ${keepReport(report)}, and in bench/RESULTS.md`);
  printFloors(report);
  if (smoke && report.floors !== undefined && fallsFar(report.floors)) process.exitCode = 1;
}
