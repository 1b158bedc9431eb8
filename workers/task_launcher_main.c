/* task-launcher: the Lambda function that launches a run's tasks (pattern 1). */
#include "workers/launch/launch.h"
#include "workers/runtime.h"

int main(void)
{
    return runtime_main("task-launcher", launch_handle);
}
