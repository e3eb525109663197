import { didYouMean, QpsError } from '@qps/core'
import type { RunningServer } from '@qps/http'
import type { MetricsRegistry } from '@qps/metrics'
import { readFileSync } from 'node:fs'
import type { StageView } from './views.ts'

/** `stage.json`: what a stage says of itself. The code never repeats it. */
export interface StageDefinition {
  number: number
  /** The folder's name. */
  slug: string
  title: string
  /** The chapter of the article, e.g. `Chapter 1: the panorama`. */
  chapter: string
  question: string
  /** What is new since the stage before, one sentence. */
  changed: string
  /** Ids of the claims that the stage demonstrates. */
  claims: string[]
  /** Packages that appear here for the first time. */
  packages: string[]
  /** The variant that runs without `--variant`. */
  best: string
  /** In reading order. `workers`: how many it has without `--workers`; where one names that, those that do not have one. */
  variants: { name: string; summary: string; workers?: number }[]
  scenarios: string[]
  /** Names that `--with` accepts: real parts that can take an embedded one's place. */
  parts: string[]
  /** Highest number of worker threads; 1 for a stage of one event loop. */
  workersMax: number
}

/** What the harness gives a variant at start. */
export interface VariantContext {
  host: string
  port: number
  workers: number
  /** Whether this variant was asked for by name; if not, one that cannot run here may be replaced by one that can. */
  asked: boolean
  /** Open connections of the process; undefined for the default of `httpLimits`. */
  connectionsMax: number | undefined
  /** An option of this stage's own as it was typed; undefined where it was not. @param name without the dashes. */
  given(name: string): string | undefined
  /** Metrics that the admin port shows; process metrics are in it already. */
  registry: MetricsRegistry
}

/** A variant that runs, with what the console shows of it. */
export interface StageServer extends RunningServer {
  /** Pictures of what it does, each with a key and a page. */
  views?: readonly StageView[]
  /** Lines to type, for the banner: at most three. Default: the surface that every stage has. */
  tries?: readonly string[]
}

/** Starts one variant; resolves when it accepts connections. */
export type StartVariant = (context: VariantContext) => Promise<StageServer>

/** Reads `stage.json` beside the stage's `src`. */
export function readStage(file: URL): StageDefinition {
  return JSON.parse(readFileSync(file, 'utf8')) as StageDefinition
}

/**
 * The name of a variant, checked against the definition.
 *
 * @throws QpsError QPS_UNKNOWN_VARIANT with the nearest name.
 */
export function checkVariant(stage: StageDefinition, name: string | undefined): string {
  const names = stage.variants.map((variant) => variant.name)
  if (name === undefined) return stage.best
  if (names.includes(name)) return name
  throw new QpsError('QPS_UNKNOWN_VARIANT', `stage ${stage.number} has no variant ${JSON.stringify(name)}`, {
    hint: `${didYouMean(name, names)} npm run stage:${stage.number} -- --list shows them`,
  })
}
