export {
  type CommandSpec,
  errorEvent,
  errorLine,
  exitCodeOf,
  type OptionSpec,
  parseCommand,
  ParsedCommand,
  runCommand,
} from './command.ts'
export { formatBytes, formatChange, formatMs, formatNumber } from './format.ts'
export { progressBar, type ProgressBar } from './progress.ts'
export { type Column, markdownTable, textTable } from './table.ts'
