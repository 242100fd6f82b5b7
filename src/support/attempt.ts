/** Returns the result of a function, or `otherwise` when it throws. */
export function attempt<Result, Fallback = undefined>(
  action: () => Result,
  otherwise?: Fallback,
): Result | Fallback {
  try {
    return action();
  } catch {
    return otherwise as Fallback;
  }
}
