/* doctor: commands that look at an installation and change nothing: `doctor` at all that a server
 * needs, `ping` at a server that runs. Main's thread. */
#ifndef STEPFLEET_DOCTOR_H
#define STEPFLEET_DOCTOR_H

/* Each gets the words behind its name and returns the exit code. */

/* 0: all is well, warnings included; 1: something is not; 2: usage. */
int command_doctor(int argc, const char **argv);
/* Asks URL/readyz: 0 when it answers 200, else 1 with one sentence on stderr; 2: usage. */
int command_ping(int argc, const char **argv);

#endif
