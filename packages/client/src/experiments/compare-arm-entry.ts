import { type CreateDispatcher, exchange, type HttpDispatcher } from '../dispatch/http-dispatcher.ts'
import { answerQuestions } from './child.ts'
import type { ArmQuestion, CompareRun } from './compare-dispatchers.ts'

/* The process of one run: loads one dispatcher and spends its CPU time on nothing else. */
answerQuestions(async (asked): Promise<Omit<CompareRun, 'arm' | 'round'>> => {
  const { module, options, requests, concurrency, bodyBytes } = asked as ArmQuestion
  const { createDispatcher } = (await import(module)) as { createDispatcher: CreateDispatcher }
  await using dispatcher = createDispatcher(options)
  await load(dispatcher, Math.ceil(requests / 10), concurrency, bodyBytes)
  const cpu = process.cpuUsage()
  const startMs = performance.now()
  const errors = await load(dispatcher, requests, concurrency, bodyBytes)
  const { user, system } = process.cpuUsage(cpu)
  const elapsedS = (performance.now() - startMs) / 1000
  return { cpuUsPerRequest: (user + system) / requests, requests, errors, elapsedS }
})

/** Sends so many requests, so many at a time. @returns how many were answered wrongly or not at all. */
async function load(
  dispatcher: HttpDispatcher,
  requests: number,
  concurrency: number,
  bodyBytes: number,
): Promise<number> {
  let left = requests
  let errors = 0
  const one = async (): Promise<boolean> => {
    const { status, body } = await exchange(dispatcher, { path: '/' })
    return status === 200 && body.length === bodyBytes
  }
  const work = async (): Promise<void> => {
    while (left-- > 0) {
      const right = await one().catch(() => false)
      if (!right) errors++
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return errors
}
