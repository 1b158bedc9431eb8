/* data_folder: whether a server could use its data folder. Changes nothing, and may be asked beside
 * a server that runs. Private to server/doctor. */
#ifndef STEPFLEET_DOCTOR_DATA_FOLDER_H
#define STEPFLEET_DOCTOR_DATA_FOLDER_H

#include "server/doctor/probe.h"

/* Fills all but check and subject. */
void data_folder_judge(const char *path, struct finding *f);

#endif
