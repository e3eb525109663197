import { siblingModule } from '@qps/core'
import type { DispatcherOptions } from '../dispatch/http-dispatcher.ts'
import { startChild } from './child.ts'

export interface CompareOptions {
  /** Modules that export `createDispatcher`, by the name for the table; see `dispatcherModules`. At least one. */
  arms: Readonly<Record<string, URL>>
  /** Each arm runs once in each; the order alternates. Default 5. */
  rounds?: number
  /** Requests measured in one run of an arm, after a tenth of as many to warm up. Default 20,000. */
  requests?: number
  /** Requests under way at a time. Default 64. */
  concurrency?: number
  /** Bytes of each answer's body, 1 to 1 MiB. Default 64. */
  bodyBytes?: number
  /** For every arm. */
  dispatcher?: Omit<DispatcherOptions, 'origin'>
}

/** One run of one arm, in a process of its own. */
export interface CompareRun {
  arm: string
  round: number
  /** CPU time of the arm's process, all its threads, user and system, in microseconds per request. */
  cpuUsPerRequest: number
  requests: number
  /** Answers that were wrong or missing; a run with any compares nothing. */
  errors: number
  elapsedS: number
}

export interface CompareResult {
  runs: CompareRun[]
  /** Median over the rounds, by arm. */
  cpuUsPerRequest: Record<string, number>
}

/** What the process of an arm is asked. */
export interface ArmQuestion {
  module: string
  options: DispatcherOptions
  requests: number
  concurrency: number
  bodyBytes: number
}

/**
 * What one request costs each dispatcher, in CPU time (claim 2.4a). The server is a process of its own, and so is each run:
 * neither its CPU nor what the run before compiled counts. Every answer's status and length are checked while it is timed.
 *
 * @example
 * const { cpuUsPerRequest } = await compareDispatchers({ arms: { ...dispatcherModules, coalescing: moduleUrl } })
 */
export async function compareDispatchers(options: CompareOptions): Promise<CompareResult> {
  const { arms, rounds = 5, requests = 20_000, concurrency = 64, bodyBytes = 64, dispatcher = {} } = options
  await using server = startChild(siblingModule(import.meta.url, './compare-server-entry'))
  const { origin } = await server.ask<{ origin: string }>({ bodyBytes })
  const names = Object.keys(arms)
  const runs: CompareRun[] = []
  for (let round = 0; round < rounds; round++) {
    for (const arm of round % 2 === 0 ? names : names.toReversed()) {
      await using child = startChild(siblingModule(import.meta.url, './compare-arm-entry'))
      const question: ArmQuestion = {
        module: arms[arm]!.href,
        options: { ...dispatcher, origin },
        requests,
        concurrency,
        bodyBytes,
      }
      runs.push({ arm, round, ...(await child.ask<Omit<CompareRun, 'arm' | 'round'>>(question)) })
    }
  }
  const costsOf = (name: string): number[] => runs.filter(({ arm }) => arm === name).map((run) => run.cpuUsPerRequest)
  return { runs, cpuUsPerRequest: Object.fromEntries(names.map((name) => [name, median(costsOf(name))])) }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
