import { globSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'vitepress'
import { repositoryRoot } from '../data/repository.ts'
import { fillPlaceholders, placeholderSources } from '../render/placeholders.ts'

/**
 * Fills `<!-- @ladder -->` and the like before the Markdown is compiled. The generated part is Markdown and not a component,
 * so that its links are checked, its text is searched, and the page needs no script to show it.
 */
export function placeholders(): Plugin {
  return {
    name: 'placeholders',
    enforce: 'pre',
    transform(code: string, id: string) {
      if (!id.endsWith('.md')) return undefined
      const filled = fillPlaceholders(code)
      if (filled === code) return undefined
      for (const file of globSync([...placeholderSources], { cwd: repositoryRoot })) {
        this.addWatchFile(join(repositoryRoot, file))
      }
      return { code: filled, map: null }
    },
  }
}
