import { untilRedefined } from '../boards.js';
import type { Cluster } from '../cluster.js';
import { readLog } from '../log.js';
import { PROJECTIONS, type Rebuilds } from '../rebuilds.js';
import type { Check } from '../report.js';
import type { World } from '../world.js';
import { checkBoards, checkSame, readBoards } from './board.check.js';
import { checkSaves, checkScoreDocuments } from './document.check.js';
import { checkDeadLetters, checkQuiet } from './groups.check.js';
import { checkLog } from './log.check.js';
import { checkVerify } from './verify.check.js';

/** Milliseconds for the projections to catch up. */
const QUIET = 60_000;
/** Milliseconds for one rebuild. */
const REBUILD = 120_000;

/** Everything that must hold once the faults are over: waits for the projections, and compares all with the model. */
export async function checkAll(cluster: Cluster, world: World, rebuilds: Rebuilds): Promise<Check[]> {
  const { model, options } = world;
  const quiet = await checkQuiet(cluster, QUIET);
  const redefined = options.features.has('definitions') ? [await checkRedefined(world)] : [];
  const log = await readLog(cluster);
  return [
    quiet,
    ...redefined,
    ...checkLog(log, model),
    ...(await checkState(cluster, world, '')),
    await checkDeadLetters(cluster, log),
    checkNothingLost(cluster),
    ...(options.features.has('rebuilds') ? await checkRebuilds(cluster, world, rebuilds) : []),
  ];
}

async function checkState(
  cluster: Cluster,
  { model, gateways, options }: World,
  when: string,
): Promise<Check[]> {
  return [
    checkBoards(await readBoards(gateways, model), model, when),
    await checkScoreDocuments(gateways, model, when),
    await checkSaves(gateways, model, when),
    ...(options.features.has('verify') ? [await checkVerify(cluster, when)] : []),
  ];
}

async function checkRedefined(world: World): Promise<Check> {
  const differences = await untilRedefined(world).then(() => [], messageOf);
  return { name: 'a board defined anew ranks by its definition', checked: 1, differences };
}

/** Every projection can be rebuilt, and is what it was. */
async function checkRebuilds(cluster: Cluster, world: World, rebuilds: Rebuilds): Promise<Check[]> {
  const { gateways, model } = world;
  const before = await readBoards(gateways, model);
  const differences: string[] = [];
  for (const projection of PROJECTIONS)
    differences.push(...(await rebuilds.complete(projection, REBUILD).then(() => [], messageOf)));
  return [
    { name: 'every projection can be rebuilt', checked: PROJECTIONS.length, differences },
    checkSame(before, await readBoards(gateways, model)),
    ...(await checkState(cluster, world, ' after the rebuilds')),
  ];
}

/** No worker has found that an event was gone before it had it. */
function checkNothingLost(cluster: Cluster): Check {
  const differences = cluster.logLines(/data loss/);
  return { name: 'no worker misses an event', checked: cluster.size, differences };
}

const messageOf = (error: Error): string[] => [error.message];
