/* demo: `stepfleet demo`, the README's first command: starts a server of its own in local mode,
 * runs both patterns on a real file and checks what the starter kit promises. Knows lib and the
 * embedded specs only: it talks to the server as any client does. One thread. */
#ifndef STEPFLEET_DEMO_H
#define STEPFLEET_DEMO_H

/* The words behind the command's name; returns the exit code: 0 only if everything was seen. */
int command_demo(int argc, const char **argv);

#endif
