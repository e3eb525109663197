import { readClaims } from '../data/claims.ts'
import { readResults } from '../data/results.ts'
import { readStages, type Stage } from '../data/stages.ts'
import { claimsTable } from './ledger.ts'
import { readme } from './readme.ts'
import { plain, table } from './table.ts'

/** A stage's page: its own README, results in place, then what the ledger says about its claims. */
export function chapter(stage: Stage): string {
  const claims = readClaims().filter(({ id }) => stage.claims.includes(id))
  return [
    readme(`${stage.folder}/README.md`, outline(stage), readResults()),
    '## Claims of this stage {#claims}',
    `From the [ledger](/ledger.md); every measurement of it: ${resultLinks(stage)}.`,
    claimsTable(claims, readStages()),
  ].join('\n\n')
}

function resultLinks({ scenarios }: Stage): string {
  return scenarios.map((scenario) => `[${plain(scenario)}](/results/${scenario}.md)`).join(', ') || 'none'
}

/** What `stage.json` says, for a stage whose README is not written yet. */
function outline({ title, question, number, variants }: Stage): string {
  const rows = variants.map(({ name, summary }) => [plain(name), plain(summary)])
  return [
    `# Stage ${number}: ${plain(title)}`,
    `**Question.** ${plain(question)}`,
    table([{ title: 'variant' }, { title: 'what it is' }], rows),
  ].join('\n\n')
}
