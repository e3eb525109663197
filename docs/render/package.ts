import type { Package } from '../data/packages.ts'
import { readme } from './readme.ts'
import { plain } from './table.ts'

/** A package's page: its own README, or what its manifest says while there is none. */
export function packagePage({ folder, name, description }: Package): string {
  return readme(`${folder}/README.md`, `# ${plain(name)}\n\n${plain(description)}`, [])
}
