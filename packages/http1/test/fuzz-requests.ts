import { parseArgs } from 'node:util'
import { checkInteger, seededRandom } from '@qps/core'
import { difference } from './fuzz-compare.ts'
import { mutatedInput, randomCuts } from './fuzz-inputs.ts'

/*
 * Mutated requests against Node's parser for as long as you like:
 *
 *   node --conditions=@qps/source packages/http1/test/fuzz-requests.ts --seconds 60 --seed 1
 *
 * Exits 1 at the first difference, with the input that makes it. The same seed gives the same inputs.
 */
const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string', default: '1' } },
})
const seconds = checkInteger('--seconds', Number(values.seconds), { min: 1, max: 86_400 })
const seed = checkInteger('--seed', Number(values.seed))

const random = seededRandom(seed)
const explained = new Map<string, number>()
const untilMs = performance.now() + 1000 * seconds
let inputs = 0
let found: string | undefined
while (found === undefined && performance.now() < untilMs) {
  const input = mutatedInput(random)
  const what = difference(input, randomCuts(input.length, random), explained)
  if (what !== undefined) found = `${what}\n${JSON.stringify(Buffer.from(input).toString('latin1'))}`
  inputs++
}

const rows = [...explained].toSorted(([, a], [, b]) => b - a).map(([why, count]) => `  ${count}  ${why}\n`)
process.stdout.write(`stricter than Node on purpose:\n${rows.join('')}`)
process.stdout.write(`seed ${seed}: ${inputs} inputs, ${found === undefined ? 0 : 1} differences\n`)
if (found !== undefined) {
  process.stderr.write(`${found}\n`)
  process.exitCode = 1
}
