
#include <eml_net.h>
static const float mynet_layer_0_biases[10] = { -0.334368f, 0.458852f, -0.393666f, 0.096398f, 0.045263f, -0.491598f, -0.090429f, -0.591967f, 0.584275f, -0.719556f };
static const float mynet_layer_0_weights[90] = { 0.287315f, 0.089400f, 0.440693f, 0.115752f, 0.157420f, 0.216470f, 0.493880f, 0.532165f, 0.152012f, -0.038327f, 0.302763f, 0.188563f, 0.447624f, 0.349668f, -0.841870f, -0.406496f, -0.456990f, 0.307108f, 0.559592f, 0.183459f, 0.413346f, 0.673825f, 0.128172f, 0.230485f, -0.642953f, 0.346173f, -0.242818f, 0.385022f, -0.321955f, -0.278576f, -0.051292f, 0.028931f, 0.177106f, 0.241939f, -0.879557f, 0.279602f, 0.335697f, 0.224796f, 0.409225f, 0.407425f, 0.108562f, -0.243801f, 0.402731f, -0.327818f, 0.184639f, 0.145116f, -0.244292f, -0.295162f, -0.293418f, 0.063130f, 0.263805f, -0.279837f, 1.119871f, -0.203646f, -0.439429f, -0.228353f, 0.345119f, -0.179701f, -0.329967f, -0.030526f, -0.123740f, -0.662583f, -0.056146f, -0.372253f, -0.655854f, -0.010293f, 0.296201f, -0.428560f, 0.581625f, -0.472221f, 0.391692f, 0.261974f, 0.377618f, -0.013541f, 0.017259f, -0.352133f, -0.047080f, -0.394784f, 0.138171f, -0.266930f, -0.000300f, -0.202571f, -0.011076f, 0.197864f, -0.234896f, -0.156965f, 0.302577f, -0.376268f, 0.131890f, 0.421923f };
static const float mynet_layer_1_biases[1] = { -0.267884f };
static const float mynet_layer_1_weights[10] = { 0.164712f, -0.618816f, 0.767473f, 0.525954f, -0.678431f, 0.045169f, 0.197879f, -0.030713f, -0.734407f, 0.626708f };
static float mynet_buf1[10];
static float mynet_buf2[10];
static const EmlNetLayer mynet_layers[2] = { 
{ 10, 9, mynet_layer_0_weights, mynet_layer_0_biases, EmlNetActivationRelu }, 
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
    