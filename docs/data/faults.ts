import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Claim, claimIds, errataCount } from './claims.ts'
import { readText, repositoryRoot } from './repository.ts'
import type { Stage } from './stages.ts'

/** Everything that is wrong with the ledger, one line each; empty where it is sound. */
export function ledgerFaults(claims: readonly Claim[], stages: readonly Stage[]): string[] {
  return [...idFaults(claims), ...claims.flatMap((claim) => rowFaults(claim, stages)), ...stageFaults(claims, stages)]
}

/** Every id once, in the article's order: the pages show the rows as they stand. */
function idFaults(claims: readonly Claim[]): string[] {
  const ids = claims.map(({ id }) => id)
  const faults = [
    ...claimIds.filter((id) => !ids.includes(id)).map((id) => `claim ${id} has no row`),
    ...ids.filter((id) => !claimIds.includes(id)).map((id) => `claim ${id} is not one of the article's`),
    ...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `claim ${id} has two rows`),
  ]
  const ordered = ids.every((id, index) => id === claimIds[index])
  return faults.length > 0 || ordered ? faults : ["the rows are not in the article's order"]
}

function rowFaults(row: Claim, stages: readonly Stage[]): string[] {
  const faults: string[] = []
  const stage = stages.find(({ number }) => number === row.stage)
  if (!row.id.startsWith(`${row.chapter}.`)) faults.push(`chapter is ${row.chapter}`)
  if (!Number.isInteger(row.stage) || row.stage < 1 || row.stage > 7) faults.push(`stage is ${row.stage}, not 1 to 7`)
  for (const path of row.evidence) {
    if (!existsSync(join(repositoryRoot, path))) faults.push(`its evidence ${path} does not exist`)
  }
  for (const id of row.errata) if (!errataIds.includes(id)) faults.push(`${id} is not an erratum`)
  if (row.verdict === 'not-testable-here' && row.note === '')
    faults.push('not-testable-here needs a note that says why')
  if (row.verdict !== 'open' && row.verdict !== 'not-testable-here') {
    if (row.evidence.length === 0) faults.push(`it is ${row.verdict} without evidence`)
    if (!stage) faults.push(`it is ${row.verdict}, but there is no stage ${row.stage}`)
  }
  if (stage && !stage.claims.includes(row.id)) faults.push(`${stage.folder}/stage.json does not list it in claims`)
  return faults.map((fault) => `claim ${row.id}: ${fault}`)
}

function stageFaults(claims: readonly Claim[], stages: readonly Stage[]): string[] {
  return stages.flatMap(({ folder, claims: listed }) =>
    listed
      .filter((id) => !claims.some((claim) => claim.id === id))
      .map((id) => `${folder}/stage.json lists claim ${id}, which has no row`),
  )
}

const errataIds = Array.from({ length: errataCount }, (_, index) => `E${index + 1}`)

/** The errata page has one heading for each of E1 to E24, with the anchor that the ledger links to. */
export function errataFaults(page: string = readText('docs/errata.md') ?? ''): string[] {
  return errataIds.flatMap((id) => {
    const headings = page.split('\n').filter((line) => line.startsWith(`## ${id}:`))
    if (headings.length !== 1) return [`docs/errata.md has ${headings.length} headings "## ${id}: …", not one`]
    return headings[0]!.endsWith(` {#${id.toLowerCase()}}`)
      ? []
      : [`docs/errata.md: ${id} lacks {#${id.toLowerCase()}}`]
  })
}
