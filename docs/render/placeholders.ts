import { readClaims } from '../data/claims.ts'
import { readResults } from '../data/results.ts'
import { readStages } from '../data/stages.ts'
import { ladder } from './ladder.ts'
import { ledger } from './ledger.ts'
import { plain } from './table.ts'

/** What a page that is written here may ask for, as `<!-- @name -->`. */
const contents: Readonly<Record<string, () => string>> = {
  ladder: () => ladder(readStages(), readResults()),
  ledger: () => ledger(readClaims(), readStages()),
  'first-stage': () => {
    const [first] = readStages()
    return first ? `[Stage ${first.number}: ${plain(first.title)}](/${first.folder}.md)` : 'The first stage'
  },
}

/** Files whose change changes what stands in the placeholders. */
export const placeholderSources: readonly string[] = [
  'docs/data/claims.json',
  'stages/*/stage.json',
  'bench/results/*/*.json',
]

/** Fills a page's placeholders with Markdown. Names that are unknown stay: they are someone else's comment. */
export function fillPlaceholders(markdown: string): string {
  return markdown.replaceAll(/<!-- @([a-z-]+) -->/g, (comment, name: string) =>
    Object.hasOwn(contents, name) ? contents[name]!() : comment,
  )
}
