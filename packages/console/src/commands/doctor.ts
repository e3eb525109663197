import { styleText } from 'node:util'
import { runCommand } from '../run-command.ts'
import type { CommandSpec } from '../command.ts'
import { examine } from '../doctor.ts'
import { textTable } from '../table.ts'

const command: CommandSpec = {
  name: 'npm run doctor --',
  summary: 'What this machine has of what the project needs or can use, each with its fix.',
  usage: '[options]',
  options: { json: { type: 'boolean', help: 'the findings as JSON' } },
}

await runCommand(command, process.argv.slice(2), async (typed) => {
  const findings = examine()
  const wrong = findings.some(({ state }) => state === 'wrong')
  if (typed.flag('json')) {
    process.stdout.write(`${JSON.stringify({ ok: !wrong, findings })}\n`)
    return wrong ? 1 : 0
  }
  const rows = findings.map(({ name, state, found, fix }) => [mark(state), name, found, fix])
  process.stdout.write(`${textTable([{ title: '' }, { title: 'What' }, { title: 'Found' }, { title: 'Fix' }], rows)}\n`)
  return wrong ? 1 : 0
})

function mark(state: string): string {
  const sign = state === 'ok' ? '✔' : state === 'missing' ? '–' : '✘'
  return styleText(state === 'ok' ? 'green' : state === 'missing' ? 'yellow' : 'red', sign, { stream: process.stdout })
}
