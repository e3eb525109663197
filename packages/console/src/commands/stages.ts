import { runCommand } from '../run-command.ts'
import type { CommandSpec } from '../command.ts'
import { figuresTable, readLadder } from '../stage/figures.ts'

const command: CommandSpec = {
  name: 'npm run stage --',
  summary: 'The stages with their last measured figures; npm run stage:N runs stage N.',
  usage: '[options]',
  options: { json: { type: 'boolean', help: 'the stages as JSON' } },
}

await runCommand(command, process.argv.slice(2), async (typed) => {
  const ladder = readLadder()
  if (typed.flag('json')) process.stdout.write(`${JSON.stringify(ladder)}\n`)
  else
    process.stdout.write(
      `${figuresTable(ladder, true)}\n\nnpm run stage:${ladder[0]?.number ?? 1} runs a stage; add -- --help for its options\n`,
    )
})
