import type { MarkdownRenderer } from 'vitepress'
import { addressOf, sourceOfPage, targetOf } from '../data/addresses.ts'

/**
 * Turns the relative links of an included README, which lead from file to file, into links from page to page.
 *
 * @throws Error, which fails the build, where such a link leads to nothing.
 */
export function repositoryLinks(markdown: MarkdownRenderer): void {
  markdown.core.ruler.push('repository_links', ({ tokens, env }) => {
    // Titles and container headings are parsed apart, without a page.
    const from = sourceOfPage((env as { relativePath?: string }).relativePath ?? '')
    if (from === undefined) return
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const link = token.type === 'link_open' ? token.attrGet('href') : null
      const target = link === null ? undefined : targetOf(link, from)
      if (target) token.attrSet('href', `${addressOf(target.path)}${fragmentFor(target)}`)
    }
  })
}

/** A line number is no heading: a page of code has no such anchor. */
function fragmentFor({ path, fragment }: { path: string; fragment: string }): string {
  return path.endsWith('.md') ? fragment : ''
}
