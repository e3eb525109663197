import type { DrainReport } from '@qps/http'
import type { LoadResult } from '@qps/loadgen'
import { errorEvent, errorLine } from '../run-command.ts'
import { formatMs } from '../format.ts'
import { loadReport } from '../load-report.ts'
import { banner } from './banner.ts'
import type { StageDefinition } from './definition.ts'
import type { StageView } from './views.ts'

/** What a running stage has to say, before it is put into words. */
export interface ListeningFacts {
  variant: string
  workers: number
  url: string
  admin: string
  endpoints: Record<string, string>
  parts: Record<string, string>
  /** What the variant says of how it runs. */
  notes: Record<string, string>
  /** Lines to type; empty for those of every stage. */
  tries: readonly string[]
  /** What it can draw. */
  views: readonly Pick<StageView, 'name' | 'key'>[]
}

/** Where a stage's events go: one implementation for programs, one for people. */
export interface StageOutput {
  listening(facts: ListeningFacts): void
  load(result: LoadResult, serverCpuUsPerRequest: number): void
  drained(report: DrainReport): void
  failure(error: unknown): void
  /** Words for a person only. */
  say(text: string): void
}

/** One JSON object a line on standard output. */
export function jsonOutput(stage: StageDefinition): StageOutput {
  const emit = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`)
  return {
    listening: ({ variant, workers, url, admin, endpoints, parts, notes }) =>
      emit({
        event: 'listening',
        stage: stage.number,
        variant,
        pid: process.pid,
        workers,
        url,
        admin,
        endpoints,
        parts,
        ...(Object.keys(notes).length > 0 ? { notes } : {}),
      }),
    load: (result, serverCpuUsPerRequest) => emit({ ...result, serverCpuUsPerRequest }),
    drained: ({ completed, dropped, ms }) => emit({ event: 'drained', completed, dropped, ms: Math.round(ms) }),
    failure: (error) => emit(errorEvent(error)),
    say: () => {},
  }
}

/**
 * Text. `print` puts a line where it does not collide with the live line.
 *
 * @param interactive whether keys work, which the banner then lists.
 */
export function textOutput(stage: StageDefinition, interactive: boolean, print: (text: string) => void): StageOutput {
  return {
    listening: (facts) => print(banner(stage, { ...facts, interactive }).trimEnd()),
    load: (result, serverCpuUsPerRequest) => print(loadReport(result, serverCpuUsPerRequest)),
    drained: ({ completed, dropped, ms }) =>
      print(`drained in ${formatMs(ms)}: ${completed} requests completed, ${dropped} dropped`),
    failure: (error) => print(errorLine(error)),
    say: print,
  }
}
