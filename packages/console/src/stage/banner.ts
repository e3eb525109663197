import { styleText } from 'node:util'
import type { StageDefinition } from './definition.ts'
import type { StageView } from './views.ts'

/** The addresses that a banner names. */
export interface BannerFacts {
  variant: string
  url: string
  admin: string
  /** Protocol → `host:port`, where others than HTTP/1.1 are served. */
  endpoints: Record<string, string>
  /** Part → `embedded`, or where the real one is. */
  parts: Record<string, string>
  /** Whether the keys work: standard input is a terminal. */
  interactive: boolean
  /** What the variant says of how it runs. */
  notes: Record<string, string>
  /** Lines to type; empty for those of every stage. */
  tries: readonly string[]
  /** What it can draw. */
  views: readonly Pick<StageView, 'name' | 'key'>[]
}

/** At most 12 lines: what runs, what is new, where it is, what to try. Colors only where the stream wants them. */
export function banner(
  stage: StageDefinition,
  facts: BannerFacts,
  stream: NodeJS.WriteStream = process.stdout,
): string {
  const style = (format: Parameters<typeof styleText>[0], text: string): string => styleText(format, text, { stream })
  const label = (text: string): string => style('dim', text.padEnd(10))
  const summary = stage.variants.find(({ name }) => name === facts.variant)?.summary ?? ''
  const notes = Object.entries(facts.notes).map(([name, text]) => `${label(name)}${text}`)
  // `http` is what the URL says already.
  const others = Object.entries(facts.endpoints).filter(([protocol]) => protocol !== 'http')
  const endpoints = others.map(([protocol, at]) => `${protocol} ${at}`)
  const parts = Object.entries(facts.parts).map(([part, where]) => `${part} ${where}`)
  const tries =
    facts.tries.length > 0
      ? facts.tries
      : [`curl -i ${facts.url}/`, `curl -d 'hello' ${facts.url}/echo`, `npm run load -- ${facts.url}/ -d 5`]
  const lines = [
    `${style('bold', `Stage ${stage.number} · ${stage.title}`)}  ${style('dim', stage.chapter)}`,
    `${label('changed')}${stage.changed}`,
    `${label('variant')}${style('cyan', facts.variant)}: ${summary}`,
    `${label('serving')}${[style('green', facts.url), ...endpoints].join(', ')}`,
    ...notes,
    `${label('metrics')}${facts.admin}/metrics`,
    ...(parts.length > 0 ? [`${label('parts')}${parts.join(', ')}`] : []),
    ...(facts.views.length > 0 ? [`${label('views')}${viewsOf(facts)}`] : []),
    ...tries.map((line, index) => `${label(index === 0 ? 'try' : '')}${line}`),
    facts.interactive
      ? `${label('keys')}${keysLine(facts.views)}`
      : `${label('stop')}Ctrl-C or SIGTERM drains; a second one ends at once`,
  ]
  return `${lines.join('\n')}\n`
}

function viewsOf({ admin, views }: BannerFacts): string {
  return views.map(({ name }) => `${admin}/debug/${name}`).join(', ')
}

/** The keys that work, those of the variant's views first. */
export function keysLine(views: BannerFacts['views']): string {
  const own = views.map(({ key, name }) => `${key} ${name} · `).join('')
  return `${own}l load · v next variant · p CPU profile · b block 50 ms · d difference · h help · q quit`
}
