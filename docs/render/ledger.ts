import { chapters, type Claim, ledgerVerdicts } from '../data/claims.ts'
import type { Stage } from '../data/stages.ts'
import { plain, table } from './table.ts'

/** The whole ledger as Markdown: how many of each verdict, then a table per chapter. */
export function ledger(claims: readonly Claim[], stages: readonly Stage[]): string {
  const sections = Object.entries(chapters).map(([chapter, title]) => {
    const rows = claims.filter((claim) => claim.chapter === Number(chapter))
    return `## Chapter ${chapter}: ${title}\n\n${claimsTable(rows, stages)}`
  })
  return [counts(claims), ...sections].join('\n\n')
}

/** Some rows of it, as a chapter's page shows its own. */
export function claimsTable(claims: readonly Claim[], stages: readonly Stage[]): string {
  const rows = claims.map((claim) => [
    `<span id="claim-${claim.id}">${claim.id}</span>`,
    `${plain(claim.claim)}${claim.errata.map((id) => ` [${id}](/errata.md#${id.toLowerCase()})`).join('')}`,
    stageCell(claim.stage, stages),
    `<span class="qps-verdict qps-verdict-${claim.verdict}">${claim.verdict}</span>`,
    [...claim.evidence.map(evidenceLink), plain(claim.note)].filter((part) => part !== '').join('<br>') || '–',
  ])
  const columns = ['id', 'claim', 'stage', 'verdict', 'evidence'].map((title) => ({ title }))
  return `<div class="qps-claims">\n\n${table(columns, rows)}\n\n</div>`
}

function counts(claims: readonly Claim[]): string {
  const parts = ledgerVerdicts.map((verdict) => {
    const count = claims.filter((claim) => claim.verdict === verdict).length
    return `<span class="qps-verdict qps-verdict-${verdict}">${verdict}</span> ${count}`
  })
  return `${claims.length} claims: ${parts.join(', ')}.`
}

function stageCell(number: number, stages: readonly Stage[]): string {
  const stage = stages.find((candidate) => candidate.number === number)
  return stage ? `[${number}](/${stage.folder}.md)` : String(number)
}

/** A scenario leads to its results, everything else to its source. */
export function evidenceLink(path: string): string {
  const scenario = /^bench\/scenarios\/(.+)\.scenario\.ts$/.exec(path)?.[1]
  return scenario === undefined
    ? `[${plain(path)}](/source/${path}.md)`
    : `[${plain(scenario)}](/results/${scenario}.md)`
}
