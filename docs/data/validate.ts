// What must hold before a page is made: the ledger is complete, its evidence exists, no README has a dead
// link, every results file can be read.
// Usage: node docs/data/validate.ts      Exit code 1, and one line on standard error for each fault.

import { readClaims } from './claims.ts'
import { errataFaults, ledgerFaults } from './faults.ts'
import { deadLinks } from './linked.ts'
import { readResults } from './results.ts'
import { readStages } from './stages.ts'

function faultsOf(check: () => string[]): string[] {
  try {
    return check()
  } catch (error) {
    return [(error as Error).message]
  }
}

const faults = [
  ...faultsOf(() => ledgerFaults(readClaims(), readStages())),
  ...faultsOf(errataFaults),
  ...faultsOf(deadLinks),
  ...faultsOf(() => (readResults(), [])),
]
for (const fault of faults) process.stderr.write(`docs: ${fault}\n`)
process.exitCode = faults.length === 0 ? 0 : 1
