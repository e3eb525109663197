import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { addressOf, sourceOfPage, targetOf } from './addresses.ts'
import { readClaims } from './claims.ts'
import { readPackages } from './packages.ts'
import { readText, repositoryRoot } from './repository.ts'
import { readStages } from './stages.ts'

/** Pages of the repository that the site shows whether or not anything links to them. */
const projectPages = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'bench/README.md']

/** The ones of them that exist. */
export function readProjectPages(): string[] {
  return projectPages.filter((path) => existsSync(join(repositoryRoot, path)))
}

/**
 * Every file and folder that the site shows under `/source/`: evidence of the ledger, and whatever a README links to, and
 * the Markdown pages among those in their turn.
 */
export function linkedSources(): string[] {
  return walk()
    .paths.filter((path) => addressOf(path).startsWith('/source/'))
    .toSorted()
}

/** Every link of a README that leads to nothing, one line each. */
export function deadLinks(): string[] {
  return walk().faults
}

function walk(): { paths: string[]; faults: string[] } {
  const readmes = [...readStages(), ...readPackages()].map(({ folder }) => `${folder}/README.md`)
  const seen = new Set([...readmes, ...readProjectPages(), ...readClaims().flatMap(({ evidence }) => evidence)])
  const faults: string[] = []
  // A Set hands out what is added while it is walked through: links are followed until there are no new ones.
  for (const path of seen) {
    for (const link of linksOf(path)) {
      try {
        const target = targetOf(link, path)
        if (target) seen.add(target.path)
      } catch (error) {
        faults.push((error as Error).message)
      }
    }
  }
  return { paths: [...seen], faults }
}

/** The links of a Markdown file that is shown as a page, outside of code. One too many does no harm: it makes a page that nothing leads to. */
function linksOf(path: string): string[] {
  if (!path.endsWith('.md') || sourceOfPage(addressOf(path).slice(1)) === undefined) return []
  const prose = (readText(path) ?? '').replaceAll(/^ *(`{3,}|~{3,})[^]*?^ *\1/gm, '').replaceAll(/`[^`\n]*`/g, '')
  const inline = [...prose.matchAll(/\]\(\s*<?([^)\s>]+)/g)]
  const defined = [...prose.matchAll(/^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?\s*$/gm)]
  return [...inline, ...defined].map(([, link]) => link!)
}
