import type { CommandSpec, OptionSpec } from './command.ts'

/** `--help`, made from the same description that the parser uses. */
export function helpText(spec: CommandSpec): string {
  const rows = Object.entries({ ...spec.options, help: helpOption }).map(
    ([name, option]) => [labelOf(name, option), noteOf(option)] as const,
  )
  const width = Math.max(...rows.map(([label]) => label.length))
  const lines = [
    `${spec.name} ${spec.usage}`,
    '',
    `  ${spec.summary}`,
    '',
    ...rows.map(([label, note]) => `  ${label.padEnd(width)}  ${note}`),
  ]
  if (spec.examples?.length) lines.push('', ...spec.examples.map((example) => `  $ ${example}`))
  return `${lines.join('\n')}\n`
}

const helpOption: OptionSpec = { type: 'boolean', help: 'this text' }

function labelOf(name: string, option: OptionSpec): string {
  const value = option.type === 'boolean' ? '' : ` ${option.value ?? (option.type === 'string' ? 'TEXT' : 'N')}`
  return `${option.short === undefined ? '' : `-${option.short}, `}--${name}${value}`
}

function noteOf(option: OptionSpec): string {
  const preset = option.default === undefined || option.default === false ? '' : ` (${option.default})`
  return `${option.help}${preset}${option.multiple ? ', repeatable' : ''}`
}
