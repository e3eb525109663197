import { answerQuestions } from './child.ts'
import { startIdleServer } from './idle-server.ts'

/* The server of a comparison, in a process of its own. */
answerQuestions(async (asked) => {
  const { bodyBytes } = asked as { bodyBytes: number }
  const { origin } = await startIdleServer({ body: 'x'.repeat(bodyBytes) })
  return { origin }
})
