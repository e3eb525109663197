import { generate, type HelperCommand, type HelperInput } from './generate.ts'

/*
 * A helper that is a process: its input is the first message. It ends when its work is done and its connections are closed, and at
 * once with its parent, whose end closes the channel. Interrupts from the terminal reach the whole group; they are the parent's to
 * decide on.
 */
let isDone = false

process.once('disconnect', () => isDone || process.kill(process.pid, 'SIGKILL'))
process.on('SIGINT', () => {})
process.once('message', (input: HelperInput) => {
  // Commands may come before anybody listens.
  const early: HelperCommand[] = []
  let take = (command: HelperCommand): void => void early.push(command)
  process.on('message', (command: HelperCommand) => take(command))
  void generate(input, {
    tell: (message) => void process.send?.(message),
    onCommand(listener) {
      take = listener
      for (const command of early.splice(0)) listener(command)
    },
  }).then(() => (isDone = true))
})
