import { messageOf, QpsError } from '@qps/core'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from './paths.ts'
import { type Protocol, protocols } from './scenario.ts'

/** What a stage says about itself in `stage.json`, as far as the ladder needs it. */
export interface StageManifest {
  number: number
  slug: string
  title: string
  best: string
  /** What a variant adds to HTTP/1.1, where that is what it is about. */
  variants: { name: string; summary: string; protocol?: Protocol }[]
  scenarios: string[]
  /** Name of its folder, e.g. `01-minimal-server`. */
  folder: string
}

/**
 * Every stage that exists, in order.
 *
 * @throws QpsError QPS_STAGE_INVALID where a `stage.json` cannot be used.
 */
export function readStages(root: string = repositoryRoot): StageManifest[] {
  const folder = join(root, 'stages')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'stage.json')))
    .map((name) => readStage(name, join(folder, name, 'stage.json')))
    .toSorted((left, right) => left.number - right.number)
}

function readStage(folder: string, path: string): StageManifest {
  const invalid = (why: string): QpsError =>
    new QpsError('QPS_STAGE_INVALID', `stages/${folder}/stage.json does not describe a stage: ${why}`, {
      hint: `restore it: git checkout -- stages/${folder}/stage.json`,
    })
  let manifest: Partial<StageManifest>
  try {
    manifest = JSON.parse(readFileSync(path, 'utf8')) as Partial<StageManifest>
  } catch (error) {
    throw invalid(messageOf(error))
  }
  if (!Number.isInteger(manifest.number)) throw invalid('number must be a whole number')
  for (const key of ['slug', 'title', 'best'] as const) {
    if (typeof manifest[key] !== 'string') throw invalid(`${key} must be a text`)
  }
  if (!Array.isArray(manifest.variants)) throw invalid('variants must be a list')
  for (const { protocol = 'h1' } of manifest.variants) {
    if (!protocols.includes(protocol)) throw invalid(`protocol of a variant must be one of ${protocols.join(', ')}`)
  }
  return { ...(manifest as StageManifest), scenarios: manifest.scenarios ?? [], folder }
}
