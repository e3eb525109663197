import { QpsError, systemErrorCode } from '@qps/core'
import { type Dirent, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { resultsFolder, shownPath } from './paths.ts'
import { parseResults, type Results } from './results.ts'

/** `bench/results/<machine>/<scenario>.json` */
export function resultsPath(machineSlug: string, scenario: string, folder: string = resultsFolder): string {
  return join(folder, machineSlug, `${scenario}.json`)
}

/**
 * One results file.
 *
 * @returns undefined where there is none.
 * @throws QpsError QPS_RESULTS_CORRUPT where it is not what {@link saveResults} writes.
 */
export function readResults(path: string): Results | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw new QpsError('QPS_RESULTS_CORRUPT', `${shownPath(path)} cannot be read (${systemErrorCode(error)})`, {
      cause: error,
      hint: 'a results file is a plain file that you may read; see bench/README.md',
    })
  }
  return parseResults(text, shownPath(path))
}

/** Stores results under their machine's folder; returns the path. A reader sees the old file or the new one, whole. */
export function saveResults(results: Results, folder: string = resultsFolder): string {
  const path = resultsPath(results.machine.slug, results.scenario, folder)
  mkdirSync(dirname(path), { recursive: true })
  writeAtomically(path, `${JSON.stringify(results, null, 1)}\n`)
  return path
}

/** Writes beside the target, then renames over it: nothing is ever half-written, whatever interrupts it. */
export function writeAtomically(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    writeFileSync(temporary, text, { flush: true })
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

/** Every stored result, of every machine, in the order of their paths. */
export function allResults(folder: string = resultsFolder): Results[] {
  return foldersIn(folder)
    .flatMap((machine) => filesIn(join(folder, machine)))
    .map((path) => readResults(path))
    .filter((results) => results !== undefined)
}

function foldersIn(folder: string): string[] {
  return entries(folder)
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted()
}

function filesIn(folder: string): string[] {
  return entries(folder)
    .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
    .map((entry) => join(folder, entry.name))
    .toSorted()
}

function entries(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return []
    throw error
  }
}
