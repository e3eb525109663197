import { parseArgs } from 'node:util'
import { checkInteger, seededRandom } from '@qps/core'
import { Player, randomCuts, sample } from './samples.ts'

/*
 * Changed clients against the server for as long as you like:
 *
 *   node --conditions=@qps/source packages/http2-netpoll/test/fuzz-sessions.ts --seconds 60 --seed 1
 *
 * Exits 1 at the first input that makes it throw, keep something of its client, or answer differently when it is cut
 * differently. The same seed gives the same inputs.
 */
const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string', default: '1' } },
})
const seconds = checkInteger('--seconds', Number(values.seconds), { min: 1, max: 86_400 })
const seed = checkInteger('--seed', Number(values.seed))

const random = seededRandom(seed)
const untilMs = performance.now() + 1000 * seconds
let player = new Player()
let inputs = 0
while (performance.now() < untilMs && process.exitCode === undefined) {
  const bytes = sample(random, 8)
  const cuts = randomCuts(bytes.length, random)
  try {
    const whole = player.play(bytes, [])
    const cut = player.play(bytes, cuts)
    player.play(bytes, cuts, false)
    if (whole.told !== cut.told || whole.ended !== cut.ended) throw new Error(`${whole.told}\nand cut\n${cut.told}`)
  } catch (error) {
    process.stderr.write(`${String(error)}\n${bytes.toString('hex')}\n${JSON.stringify(cuts)}\n`)
    process.exitCode = 1
  }
  if (++inputs % 1000 === 0) player = new Player()
}
process.stdout.write(`seed ${seed}: ${inputs} inputs, ${process.exitCode === 1 ? 1 : 0} failures\n`)
