import { checkInteger } from '@qps/core'
import { poolKinds, poolWork, type Wanted } from './pool-work.ts'
import { measureWork } from './repeat.ts'
import { programOptions } from './report.ts'

/*
 * Acquire, fill, release, again and again on one thread: `--kind` of poolKinds, `--thing object`
 * with `--size N` fields, `--thing bare` for one that is not filled, or `--thing buffer` with `--size N` bytes, `--held N` at a
 * time. A request is such an operation.
 */
const { warmupS, seconds, given } = programOptions()
const kind = poolKinds.find((known) => known === given['kind'])
if (kind === undefined) {
  process.stderr.write(`error: --kind ${given['kind']} is none of ${poolKinds.join(', ')}\n`)
  process.exit(1)
}
const size = Number(given['size'])
const wanted = wantedOf(given['thing'])
const held = 2 ** checkInteger('the logarithm of held', Math.log2(Number(given['held'] ?? 64)), { min: 0, max: 10 })
await measureWork(await poolWork(kind, wanted, held), { warmupS, seconds })

function wantedOf(thing: string | undefined): Wanted {
  if (thing === 'buffer') return { bytes: checkInteger('size', size, { min: 1, max: 1024 * 1024 }) }
  const fields = checkInteger('size', size, { min: 1, max: 256 })
  return thing === 'bare' ? { bareFields: fields } : { fields }
}
