// Commands: options as data, help, one-line errors, exit codes.
export { type CommandSpec, type OptionSpec, parseCommand, ParsedCommand } from './command.ts'
export { errorEvent, errorLine, exitCodeOf, runCommand } from './run-command.ts'

// Stages: what `npm run stage:N` does.
export { runStage } from './stage/run-stage.ts'
export {
  readStage,
  type StageDefinition,
  type StageServer,
  type StartVariant,
  type VariantContext,
} from './stage/definition.ts'
export type { Drawing, DrawnRow } from './stage/drawing.ts'
export type { StageView } from './stage/views.ts'
export { readLadder, repositoryRoot } from './stage/figures.ts'

// Words and figures.
export { formatBytes, formatChange, formatMs, formatNumber } from './format.ts'
export { type Column, markdownTable, textTable } from './table.ts'
export { progressBar, type ProgressBar } from './progress.ts'
export { loadReport } from './load-report.ts'
export { examine, type Finding } from './doctor.ts'
