import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { checkAnswer } from '../src/answer-check.ts'
import { startArm } from '../src/arm.ts'
import { peersFolder, preparePeer } from '../src/peers.ts'
import { checkPipelined } from '../src/pipelined-check.ts'
import { statusAnswer } from '../src/scenario.ts'

/** A first build compiles a toolchain's standard library, and may fetch. */
const patienceMs = 200_000

test.for(readdirSync(peersFolder).toSorted())(
  '%s gives the right answer, to one request and to pipelined ones, and ends when it is told to',
  { timeout: patienceMs },
  async (name, context) => {
    const spec = await preparePeer(name)
    if ('reason' in spec) {
      const why = `${spec.reason}; ${spec.install}`
      if (process.env['REAL_SERVICES'] === 'required') throw new Error(why)
      return context.skip(why)
    }
    await using arm = await startArm(spec)
    const { text } = await checkAnswer(arm, statusAnswer)
    expect(text).toMatch(/^date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r$/im)
    await checkPipelined(arm, statusAnswer)
    expect(await arm.stop()).toBeUndefined()
  },
)
