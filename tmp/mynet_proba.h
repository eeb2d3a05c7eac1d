
#include <eml_net.h>
static const float mynet_layer_0_biases[10] = { 0.235110f, -0.048277f, 0.445823f, 0.008201f, -0.563387f, 0.083155f, 0.965340f, -0.574005f, 0.214935f, 0.030464f };
static const float mynet_layer_0_weights[60] = { 0.662163f, -0.479522f, 0.493113f, 0.846774f, 0.145327f, 0.269950f, -0.571977f, 0.220887f, 0.293078f, -0.876256f, 0.761543f, -0.479597f, 0.133424f, 1.117433f, -0.217874f, -1.219841f, -1.050928f, 0.169603f, 0.110158f, 0.728877f, 0.220773f, 1.352584f, 0.421099f, -0.042172f, -0.416613f, -0.187299f, -0.937498f, 0.719000f, -0.219604f, -0.035806f, 0.192076f, 1.351678f, 0.420816f, 0.144037f, -0.415137f, -0.345712f, -0.269340f, -0.219450f, 0.416696f, -0.261982f, -0.378947f, 0.000110f, 0.440565f, -0.185853f, -0.013555f, 0.002782f, -0.113070f, -0.328799f, -0.159624f, -0.083281f, 0.224306f, -0.000101f, 0.568452f, -0.270615f, -0.252368f, -0.416937f, 0.092466f, -0.400171f, -0.159915f, -0.005155f };
static const float mynet_layer_1_biases[1] = { -0.608039f };
static const float mynet_layer_1_weights[10] = { 1.563611f, 0.916898f, 1.083717f, 0.841333f, 0.207975f, -1.320999f, -0.908220f, -0.500630f, -0.075393f, -1.498491f };
static float mynet_buf1[10];
static float mynet_buf2[10];
static const EmlNetLayer mynet_layers[2] = { 
{ 10, 6, mynet_layer_0_weights, mynet_layer_0_biases, EmlNetActivationRelu }, 
{ 1, 10, mynet_layer_1_weights, mynet_layer_1_biases, EmlNetActivationLogistic } };
static EmlNet mynet = { 2, mynet_layers, mynet_buf1, mynet_buf2, 10 };

    int32_t
    mynet_predict(const float *features, int32_t n_features)
    {
        return eml_net_predict(&mynet, features, n_features);
    }
    

    int32_t
    mynet_regress(const float *features, int32_t n_features, float *out, int32_t out_length)
    {
        return eml_net_regress(&mynet, features, n_features, out, out_length);
    }
    

    float
    mynet_regress1(const float *features, int32_t n_features)
    {
        return eml_net_regress1(&mynet, features, n_features);
    }
    