/**
 * Asks whether others can run what this node cannot, and tells the answer: at once where it is known at once. When it
 * cannot be known now the answer is yes: the message comes back and the question is asked again.
 */
export function askWhetherElsewhere(ask: () => boolean | Promise<boolean>, tell: (elsewhere: boolean) => void): void {
  let answer: boolean | Promise<boolean>;
  try {
    answer = ask();
  } catch {
    answer = true;
  }
  if (typeof answer === 'boolean') tell(answer);
  else answer.then(tell, () => tell(true));
}
