import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { createClient } from '../client/create-client.ts'
import { answerQuestions } from './child.ts'
import type { CyclesOptions, CyclesSubject } from './cycles.ts'
import { createRawClient } from './raw-cycle.ts'

type Cycle = () => Promise<void>
type Question = CyclesOptions & { port: number }

const subjects: Record<CyclesSubject, (question: Question) => Cycle> = {
  client: ({ port, connectionsMax }) => {
    const client = createClient({ origin: `http://127.0.0.1:${port}`, connectionsMax })
    return async () => {
      const { body } = await client.request({ path: '/' })
      await body.dump()
    }
  },
  'connection-pool': ({ port, connectionsMax }) => createRawClient(port, { connectionsMax }).cycle,
  'dropped-pools': ({ port, connectionsMax }) => {
    let pool: Pool | undefined
    let uses = 0
    return async () => {
      if (uses++ % 10 === 0) pool = new Pool(`http://127.0.0.1:${port}`, { connections: connectionsMax })
      const { body } = await pool!.request({ path: '/', method: 'GET' })
      await body.dump()
    }
  },
}

/** Idle connections are not among Node's active resources: only the operating system counts them all. */
const openDescriptors = (): number => readdirSync('/dev/fd').length

/** What a program would go on using. */
const kept: Cycle[] = []

answerQuestions(async (asked) => {
  const question = asked as Question
  const before = openDescriptors()
  let left = question.cycles
  let errors = 0
  let cycle: Cycle | undefined = subjects[question.subject](question)
  const work = async (): Promise<void> => {
    while (left-- > 0) await cycle!().catch(() => errors++)
  }
  await Promise.all(Array.from({ length: question.concurrency }, work))
  // Pools that were dropped are garbage now; a client or a pool in use stays reachable, as it does in a program.
  if (question.subject === 'dropped-pools') cycle = undefined
  else kept.push(cycle)
  for (let round = 0; round < 5; round++) {
    globalThis.gc?.()
    await sleep(10)
  }
  return { sockets: openDescriptors() - before, errors }
})
