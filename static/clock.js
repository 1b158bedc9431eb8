// clock: the server's time, told by the Date of its answers: what is under way is as old as the server says,
// however wrong this machine's clock is.
let [least, most] = [-Infinity, Infinity]; // milliseconds that the server's clock is ahead of ours

// An answer was written between the request and its arrival, and its Date is cut to the second. Each narrows what
// is known; one that contradicts it tells that a clock was set.
export function heard(date, asked, arrived) {
  const at = Date.parse(date);
  if (!(at > 0)) return;
  const [low, high] = [at - arrived, at + 1000 - asked];
  [least, most] = low > most || high < least ? [low, high] : [Math.max(least, low), Math.min(most, high)];
}

// Our own clock as long as nothing speaks against it.
export const serverTime = () => Date.now() + Math.min(Math.max(0, least), most);
